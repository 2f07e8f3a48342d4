"""What every verb that changes what is served does: change it, and tell the model servers."""

from collections.abc import Callable

from bucle.base.refs import Ref
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import serving

Change = Callable[[Scope], serving.Deployment]


def published(session: Session, change: Change) -> serving.Deployment:
    """Change a deployment and tell the model servers at once."""
    with session.begin() as scope:
        changed = change(scope)
    serving.publish(session)
    return changed


def model_ref(text: str) -> Ref:
    """Read a version of a model, with or without `model:` before it."""
    return Ref.parse(text, kind="model")
