"""Templates into answers: escaping on, no inline script, nothing from another server."""

from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from bucle.base.digest import digest_bytes
from bucle.base.version import __version__
from bucle.interfaces.http.answers import Answer, Headers
from bucle.interfaces.web import charts, formats, phrases, sentences, words
from bucle.interfaces.web.visit import url

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_YEAR = "public, max-age=31536000, immutable"


class Chrome(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around every page."""

    language: words.Language
    title: str
    path: str
    project: str = ""  # "": a page of no project
    actor: str = ""  # "": nobody signed in
    now: datetime | None = None  # None: the page has no clock
    live: bool = False  # whether the page is fetched again while it is looked at


def page(
    template: str,
    chrome: Chrome,
    context: msgspec.Struct | None = None,
    *,
    status: int = 200,
    headers: Headers = (),
) -> Answer:
    """Render a template with its context, which the template calls `page`."""
    content = _rendered(template, chrome, context).encode()
    return Answer(
        status=status,
        body=content,
        media_type="text/html; charset=utf-8",
        headers=(
            ("content-security-policy", POLICY),
            ("cache-control", "no-store"),
            ("vary", "accept-language, cookie"),
            ("etag", f'"{digest_bytes(content)[:32]}"'),
            *headers,
        ),
    )


def document(template: str, chrome: Chrome, context: msgspec.Struct) -> str:
    """Render a template that needs nothing besides itself: its style is in it."""
    style = Markup(_static()["bucle.css"].decode())  # noqa: S704 - our own style sheet
    return _rendered(template, chrome, context, style=style)


def _rendered(template: str, chrome: Chrome, context: msgspec.Struct | None, **more: object) -> str:
    return _environment().get_template(template).render(
        chrome=chrome,
        page=context,
        t=lambda key, **values: words.word(chrome.language, key, **values),
        because=lambda text: words.reason(chrome.language, text),
        kind_of=lambda name: phrases.kind(chrome.language, name),
        related=lambda name: phrases.relation(chrome.language, name),
        tried=lambda verdict: phrases.tried(chrome.language, verdict),
        told=lambda verdict: words.told(chrome.language, verdict),
        version=__version__,
        **more,
    )  # fmt: skip


def static_file(name: str) -> Answer | None:
    """Return a file of the pages, or None; its address holds its digest, so it may be kept."""
    content = _static().get(name)
    if content is None:
        return None
    kind = _TYPES[name.rpartition(".")[2]]
    return Answer(body=content, media_type=kind, headers=(("cache-control", _YEAR),))


def static_url(name: str) -> str:
    """Return the address of a file of the pages."""
    return f"/_static/{digest_bytes(_static()[name])[:12]}/{name}"


@cache
def _static() -> dict[str, bytes]:
    folder = files("bucle.interfaces.web") / "static"
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if file.name.rpartition(".")[2] in _TYPES
    }


@jinja2.pass_context
def _thing(context: jinja2.runtime.Context, ref: object) -> str:
    """Write a ref as a person says it, in the page's language."""
    return sentences.thing(str(ref), context["chrome"].language)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bucle.interfaces.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        name: getattr(formats, name)
        for name in ("ago", "day", "duration", "moment", "money", "number", "percent", "short")
    }
    filters |= {"bytes": formats.bytes_, "thing": _thing}
    environment.filters.update(filters)
    environment.globals.update(
        url=url, static=cache(static_url), split_bar=charts.split_bar, icon=icon, NAMES=words.NAMES
    )
    return environment


_ICONS = {
    "problem": "M12 3a9 9 0 1 0 9 9M12 7.5a4.5 4.5 0 1 0 4.5 4.5M12 12l8-8M16 4h4v4",
    "data": "M4 6c0-4 16-4 16 0v12c0 4-16 4-16 0zM4 6c0 4 16 4 16 0M4 12c0 4 16 4 16 0",
    "features": "M4 5h6v6H4zM14 5h6v6h-6zM4 15h6v5H4zM14 15h6v5h-6z",
    "experiments": "M9 3h6M10 3v6l-5.5 9.5A2 2 0 0 0 6 21h12a2 2 0 0 0 1.5-2.5L14 9V3M7.5 15h9",
    "pipelines": "M4 6h5v4H4zM15 4h5v4h-5zM15 15h5v4h-5zM9 8h3v9h3M12 8V6h3",
    "models": "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
    "deployments": "M12 15V4M8 8l4-4 4 4M4 14v4a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-4",
    "monitoring": "M3 12h4l3-8 4 16 3-8h4",
    "feedback": "M4 5h16v11H10l-4 4v-4H4zM8 9h8M8 12h5",
    "control": "M13 3L5 14h6l-1 7 8-11h-6z",
}


def icon(name: str) -> Markup:
    """Return a stage's drawing."""
    return Markup(  # noqa: S704 - our own drawings
        f'<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{_ICONS[name]}"/></svg>'
    )
