"""Who calls: as at every door, remembered for a second.

A client's loop of a thousand `log_metric` is a thousand requests of one token; looking it up in
the database for each would cost as much as the work itself.
"""

import time
from collections import OrderedDict

from bucle.governance.principals import Principal
from bucle.governance.session import House
from bucle.interfaces.http.identity import Credentials, principal_of

_REMEMBERED_S = 1.0
_MOST = 1024


class Guests:
    """The principals of credentials that were valid within the last second.

    A token that is revoked, or a grant that is taken away, has its effect within that second.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._known: OrderedDict[Credentials, tuple[float, Principal]] = OrderedDict()

    def known(self, credentials: Credentials) -> Principal | None:
        """Return the principal if these credentials were checked just now; touches no database."""
        found = self._known.get(credentials)
        if found is None or time.monotonic() - found[0] > _REMEMBERED_S:
            return None
        return found[1]

    def check(self, credentials: Credentials) -> Principal:
        """Return whose credentials these are, and remember it.

        Raises:
            Denied: they are not valid here (any more).
        """
        principal = principal_of(self._house, credentials)
        self._known[credentials] = (time.monotonic(), principal)
        self._known.move_to_end(credentials)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return principal
