"""What happens when a test needs something that this machine has not."""

import os
from typing import NoReturn

import pytest

ON_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def missing(reason: str) -> NoReturn:
    """Skip with the reason; on CI, where everything was installed on purpose, fail instead."""
    if ON_CI:
        pytest.fail(f"{reason} (CI=true: nothing may be missing)", pytrace=False)
    pytest.skip(reason)
