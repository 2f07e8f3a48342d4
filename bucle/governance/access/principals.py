"""Add principals, and grant and withdraw their roles."""

from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.refs import Ref, check_name
from bucle.governance.access import store
from bucle.governance.permissions import ROLES, Permission
from bucle.governance.principals import EVERY_PROJECT, Grant, Principal
from bucle.governance.scope import Scope

KINDS = ("person", "service")


def add_principal(scope: Scope, name: str, *, kind: str = "person") -> Principal:
    """Add a person or a service, without any grant."""
    scope.require(Permission.ACCESS_MANAGE)
    check_name(name)
    if kind not in KINDS:
        raise Invalid(f"{kind!r} is not a kind of principal", hint=f"one of: {', '.join(KINDS)}")
    if store.find_principal(scope.tx, name):
        raise Conflict(f"there is a principal {name!r} already", hint="bucle access principals")
    store.add_principal(scope.tx, name, kind, scope.now)
    scope.record("principal.added", Ref("principal", name), kind=kind)
    return store.get_principal(scope.tx, name)


def grant(scope: Scope, name: str, role: str, *, everywhere: bool = False) -> Principal:
    """Give a principal a role in this project, or everywhere."""
    scope.require(Permission.ACCESS_MANAGE)
    given = Grant(role=_check_role(role), project=EVERY_PROJECT if everywhere else scope.project)
    store.add_grants(scope.tx, name, (given,))
    scope.record("role.granted", Ref("principal", name), role=role, project=given.project)
    return store.get_principal(scope.tx, name)


def withdraw(scope: Scope, name: str, role: str, *, everywhere: bool = False) -> Principal:
    """Take a role back."""
    scope.require(Permission.ACCESS_MANAGE)
    taken = Grant(role=_check_role(role), project=EVERY_PROJECT if everywhere else scope.project)
    if not store.remove_grant(scope.tx, name, taken):
        raise NotFound(
            f"{name!r} does not hold {role!r} in {taken.project!r}", hint="bucle access principals"
        )
    scope.record("role.withdrawn", Ref("principal", name), role=role, project=taken.project)
    return store.get_principal(scope.tx, name)


def list_principals(scope: Scope) -> tuple[Principal, ...]:
    """List principals with their grants."""
    scope.require(Permission.ACCESS_READ)
    return store.list_principals(scope.tx)


def _check_role(role: str) -> str:
    if role not in ROLES:
        raise Invalid(f"{role!r} is not a role", hint=f"one of: {', '.join(ROLES)}")
    return role
