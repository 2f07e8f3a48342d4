"""Point-in-time cases with the answers that a person worked out: any engine must give these."""

from tests.unit.lifecycle.features.golden.known import KNOWN_CASES
from tests.unit.lifecycle.features.golden.latest import LATEST_CASES
from tests.unit.lifecycle.features.golden.shapes import Golden
from tests.unit.lifecycle.features.golden.values import VALUE_CASES
from tests.unit.lifecycle.features.golden.windows import WINDOW_CASES

CASES = (*LATEST_CASES, *WINDOW_CASES, *KNOWN_CASES, *VALUE_CASES)

__all__ = ["CASES", "Golden"]
