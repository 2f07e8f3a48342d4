"""The certificate of a deletion: what an auditor takes along, signed by the installation."""

from bucle.base.codec import canonical_json, to_builtins
from bucle.base.errors import Conflict
from bucle.base.refs import Ref
from bucle.control.privacy.forget import store
from bucle.control.privacy.forget.ask import get_deletion
from bucle.control.privacy.forget.records import DONE, Certificate
from bucle.governance.scope import Scope

# What nothing here can search; an auditor is told so.
UNSEARCHED = (
    "files that runs logged, and files that people downloaded",
    "events in topics and dead letters, until their retention is over",
    "uploads that nothing refers to, until garbage collection removes them",
    "input examples inside of signed model packages, until the version is retired",
    "backups of the database and of the blob store",
)


def certify(scope: Scope, ref: Ref | str) -> Certificate:
    """Return what was asked, found and done, with a signature over it.

    Raises:
        Conflict: it is not done yet.
    """
    found = get_deletion(scope, ref)
    if found.state != DONE:
        raise Conflict(
            f"{found.ref} is {found.state}, and what is not done is not certified",
            hint=f"bucle data erase {found.ref.name}",
        )
    said = to_builtins(found)
    said.pop("subjects")
    text = canonical_json(
        {
            "format": "bucle-deletion/1",
            "project": scope.project,
            "deletion": said,
            "steps": to_builtins(store.list_steps(scope.tx, scope.project, found.ref.name)),
            "not_searched": UNSEARCHED,
        }
    )
    return Certificate(
        text=text.decode(), signature=scope.keys.sign(text), public_key=scope.keys.public_hex
    )
