"""Changes between what is declared and what is, and what was applied when."""

from datetime import datetime
from typing import Any

import msgspec

from bucle.base.refs import Ref
from bucle.control.spec.records import ProjectSpec


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One field that is not as declared."""

    field: str  # dotted: rollout.each
    observed: Any = None  # None: it is not there
    desired: Any = None  # None: it should not be there


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as declared."""

    action: str  # create | update | remove
    ref: Ref
    differences: tuple[Difference, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What applying the declarations would do."""

    project: str
    digest: str  # of the declarations
    changes: tuple[Change, ...]


class AppliedSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The declarations in force."""

    number: int
    digest: str
    folder: str  # where the project's code lies
    commit: str = ""  # "": the folder is not under Git
    applied_at: datetime
    applied_by: str
    spec: ProjectSpec
