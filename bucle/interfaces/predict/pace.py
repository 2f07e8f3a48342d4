"""How long a model takes for so many rows, learned from its newest calls.

Pure.  A straight line through what was seen: what a call costs, and what each of its rows adds.
Where all calls were of one size there is no line; then each row is taken to cost its share,
which overestimates larger batches until one has been tried.
"""

_MEMORY = 0.85  # of what was known, each new call leaves this much
_SURPRISE = 4.0  # times what was expected is as much as one call may add
_LEAST_S = 0.0005
_SPREAD = 1e-6  # less variance of the sizes (relative) is none


class Pace:
    """The pace of one model in one process."""

    __slots__ = (
        "_calls",
        "_rows",
        "_rows_squared",
        "_rows_times_s",
        "_s",
        "per_call_s",
        "per_row_s",
    )

    def __init__(self) -> None:
        self._calls = self._rows = self._rows_squared = self._rows_times_s = self._s = 0.0
        self.per_call_s = 0.0
        self.per_row_s = 0.0

    def note(self, rows: int, seconds: float) -> None:
        """Learn from a call; one that was interrupted is not believed at once."""
        if self._calls:
            seconds = min(seconds, max(_SURPRISE * self.expect(rows), _LEAST_S))
        self._calls = self._calls * _MEMORY + 1
        self._rows = self._rows * _MEMORY + rows
        self._rows_squared = self._rows_squared * _MEMORY + rows * rows
        self._rows_times_s = self._rows_times_s * _MEMORY + rows * seconds
        self._s = self._s * _MEMORY + seconds
        spread = self._calls * self._rows_squared - self._rows * self._rows
        if spread <= _SPREAD * self._calls * self._rows_squared:
            self.per_call_s, self.per_row_s = 0.0, self._s / self._rows
            return
        slope = (self._calls * self._rows_times_s - self._rows * self._s) / spread
        slope = min(max(slope, 0.0), self._s / self._rows)  # neither part is below nothing
        self.per_row_s = slope
        self.per_call_s = (self._s - slope * self._rows) / self._calls

    def expect(self, rows: int) -> float:
        """Return the seconds that a call of so many rows should take; 0: nothing is known."""
        return self.per_call_s + rows * self.per_row_s

    def rows_within(self, seconds: float) -> float:
        """Return how many rows one call may have to end within so many seconds."""
        left = seconds - self.per_call_s
        if self.per_row_s <= 0:
            return float("inf") if left >= 0 else 0.0
        return max(left, 0.0) / self.per_row_s
