"""Who may do what: principals, roles, tokens.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from bucle.governance.access.records import NewToken, Token
from bucle.governance.principals import Principal
from bucle.interfaces.client.room import Room


class AccessRoom(Room):
    """Who may do what: principals, roles, tokens."""

    def principals(self) -> tuple[Principal, ...]:
        """List who may act, and in which roles."""
        answer: tuple[Principal, ...] = self._call("access.principals")
        return answer

    def add(self, name: str, *, kind: str = "person") -> Principal:
        """Add a person or a service."""
        answer: Principal = self._call("access.add", name=name, kind=kind)
        return answer

    def grant(self, name: str, role: str, *, everywhere: bool = False) -> Principal:
        """Give a principal a role."""
        answer: Principal = self._call("access.grant", name=name, role=role, everywhere=everywhere)
        return answer

    def withdraw(self, name: str, role: str, *, everywhere: bool = False) -> Principal:
        """Take a role back."""
        answer: Principal = self._call(
            "access.withdraw", name=name, role=role, everywhere=everywhere
        )
        return answer

    def tokens(self) -> tuple[Token, ...]:
        """List tokens, without their secrets."""
        answer: tuple[Token, ...] = self._call("access.tokens")
        return answer

    def create_token(
        self, *, principal: str | None = None, note: str = "", lasts: str | None = None
    ) -> NewToken:
        """Make a bearer token; it is shown once."""
        answer: NewToken = self._call(
            "access.create_token", principal=principal, note=note, lasts=lasts
        )
        return answer

    def revoke_token(self, id: str) -> Token:
        """End a token at once."""
        answer: Token = self._call("access.revoke_token", id=id)
        return answer
