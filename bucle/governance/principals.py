"""`Principal`: who acts, with all that it was granted."""

import msgspec

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


ANONYMOUS = Principal(name="anonymous", kind="service")
