"""`Principal`: who acts, with all that it was granted."""

import msgspec

from bucle.base.errors import Denied
from bucle.governance.permissions import ROLES, Permission

EVERY_PROJECT = "*"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A role in one project, or in every project (`*`)."""

    role: str
    project: str


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """A person or a program that acts, with all that it was granted."""

    name: str
    kind: str = "person"  # person | service
    grants: tuple[Grant, ...] = ()

    def may(self, permission: Permission, project: str) -> bool:
        """Tell whether any grant allows this in this project."""
        return any(
            grant.project in {project, EVERY_PROJECT}
            and permission in ROLES.get(grant.role, frozenset())
            for grant in self.grants
        )

    def require(self, permission: Permission, project: str, about: str = "") -> None:
        """Go on only if this is allowed; `about` names the thing in the refusal.

        Raises:
            Denied: it is not; the hint is the grant to ask for.
        """
        if not self.may(permission, project):
            raise Denied(
                f"{self.name!r} may not {permission}{about} in project {project!r}",
                hint=f"ask an owner to type: bucle access grant {self.name} <role>",
            )


ANONYMOUS = Principal(name="anonymous", kind="service")
