"""`Visit`: one look at a page, by one person, in one language; what every page function gets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote, urlencode

from bucle.base.errors import Denied, NotFound
from bucle.governance.permissions import Permission
from bucle.governance.session import House, Session
from bucle.interfaces.operations.call import call
from bucle.interfaces.operations.filling import fill_text
from bucle.interfaces.operations.table import row_named
from bucle.interfaces.web.words import LANGUAGES, Language, word

T = TypeVar("T")
D = TypeVar("D")


@dataclass(frozen=True, kw_only=True)
class Visit:
    """Who looks at what, and how they like it told."""

    session: Session
    language: Language
    path: str
    query: Mapping[str, str]

    @property
    def house(self) -> House:
        """The installation."""
        return self.session.house

    @property
    def project(self) -> str:
        """The project's name."""
        return self.session.project

    @property
    def now(self) -> datetime:
        """The house's clock: a demo's runs faster than the wall's."""
        return self.session.drivers.clock.now()

    def may(self, permission: Permission) -> bool:
        """Tell whether a button for this should be there."""
        return self.session.actor.may(permission, self.project)

    def word(self, key: str, **values: object) -> str:
        """Return a word in the visitor's language."""
        return word(self.language, key, **values)

    def ask(self, operation: str, **fields: str | int) -> object:
        """Run a reading operation, as the API would."""
        row = row_named(operation)
        texts = {name: [str(value)] for name, value in fields.items()}
        return call(self.session, row, fill_text(row.request, texts))

    def url(self, *parts: str, **query: str | None) -> str:
        """Return the address of a page of this project."""
        return url(self.project, *parts, **query)


def url(*parts: str, **query: str | None) -> str:
    """Return the address of a page; each part is one segment."""
    path = "/" + "/".join(quote(part, safe="@:") for part in parts)
    asked = urlencode({name: value for name, value in query.items() if value})
    return f"{path}?{asked}" if asked else path


def seen(read: Callable[[], T], otherwise: D) -> T | D:
    """Return what may be seen; otherwise (denied, or not there) the section stays empty."""
    try:
        return read()
    except (Denied, NotFound):
        return otherwise


def language_of(asked: str, header: str, otherwise: str) -> Language:
    """Choose a language: as asked for, as the browser prefers, as the installation is set."""
    for wanted in (asked, *_preferred(header), otherwise):
        for language in LANGUAGES:
            if wanted.lower().split("-")[0] == language:
                return language
    return LANGUAGES[0]


def _preferred(header: str) -> list[str]:
    """Return the tags of `Accept-Language`, the most wanted first."""
    weighed = []
    for place, item in enumerate(header.split(",")):
        tag, _, weight = item.strip().partition(";q=")
        try:
            weighed.append((-float(weight or 1), place, tag))
        except ValueError:
            continue
    return [tag for _, _, tag in sorted(weighed)]
