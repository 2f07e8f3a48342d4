"""The verbs of access: principals, roles, tokens."""

import msgspec

from bucle.base.quantity import parse_duration
from bucle.governance.access import principals, tokens
from bucle.governance.access.records import NewToken, Token
from bucle.governance.permissions import Permission
from bucle.governance.principals import Principal
from bucle.interfaces.operations.table import Operation


class Nothing(msgspec.Struct, frozen=True):
    """A request without fields."""


class AddPrincipal(msgspec.Struct, frozen=True, kw_only=True):
    """A person or a service to add."""

    name: str
    kind: str = "person"


class ChangeRole(msgspec.Struct, frozen=True, kw_only=True):
    """A role to give or to take back, in this project or everywhere."""

    name: str
    role: str
    everywhere: bool = False


class CreateToken(msgspec.Struct, frozen=True, kw_only=True):
    """Whose token, and for how long (`30d`)."""

    principal: str | None = None
    note: str = ""
    lasts: str | None = None


class RevokeToken(msgspec.Struct, frozen=True, kw_only=True):
    """Which token to end."""

    id: str


ROWS = (
    Operation(
        name="access.principals",
        permission=Permission.ACCESS_READ,
        method="GET",
        path="/principals",
        request=Nothing,
        response=tuple[Principal, ...],
        run=lambda scope, _: principals.list_principals(scope),
        summary="List who may act, and in which roles.",
        summary_es="Lista quién puede actuar y con qué papeles.",
    ),
    Operation(
        name="access.add",
        permission=Permission.ACCESS_MANAGE,
        method="POST",
        path="/principals",
        request=AddPrincipal,
        response=Principal,
        run=lambda scope, q: principals.add_principal(scope, q.name, kind=q.kind),
        events=("principal.added",),
        positional=("name",),
        summary="Add a person or a service.",
        summary_es="Añade una persona o un servicio.",
    ),
    Operation(
        name="access.grant",
        permission=Permission.ACCESS_MANAGE,
        method="POST",
        path="/principals/{name}/grant",
        request=ChangeRole,
        response=Principal,
        run=lambda scope, q: principals.grant(scope, q.name, q.role, everywhere=q.everywhere),
        events=("role.granted",),
        positional=("name", "role"),
        summary="Give a principal a role.",
        summary_es="Da un papel a alguien.",
    ),
    Operation(
        name="access.withdraw",
        permission=Permission.ACCESS_MANAGE,
        method="POST",
        path="/principals/{name}/withdraw",
        request=ChangeRole,
        response=Principal,
        run=lambda scope, q: principals.withdraw(scope, q.name, q.role, everywhere=q.everywhere),
        events=("role.withdrawn",),
        positional=("name", "role"),
        summary="Take a role back.",
        summary_es="Retira un papel.",
    ),
    Operation(
        name="access.tokens",
        permission=Permission.ACCESS_READ,
        method="GET",
        path="/tokens",
        request=Nothing,
        response=tuple[Token, ...],
        run=lambda scope, _: tokens.list_tokens(scope),
        summary="List tokens, without their secrets.",
        summary_es="Lista las fichas, sin sus secretos.",
    ),
    Operation(
        name="access.create_token",
        permission=Permission.ACCESS_MANAGE,
        method="POST",
        path="/tokens",
        request=CreateToken,
        response=NewToken,
        run=lambda scope, q: tokens.create_token(
            scope,
            principal=q.principal,
            note=q.note,
            lasts=parse_duration(q.lasts) if q.lasts else None,
        ),
        events=("token.created",),
        summary="Make a bearer token; it is shown once.",
        summary_es="Crea una ficha de acceso; se muestra una vez.",
    ),
    Operation(
        name="access.revoke_token",
        permission=Permission.ACCESS_MANAGE,
        method="POST",
        path="/tokens/{id}/revoke",
        request=RevokeToken,
        response=Token,
        run=lambda scope, q: tokens.revoke_token(scope, q.id),
        events=("token.revoked",),
        positional=("id",),
        summary="End a token at once.",
        summary_es="Anula una ficha de inmediato.",
    ),
)
