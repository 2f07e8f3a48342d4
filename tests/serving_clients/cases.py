"""Run the cases of a client's script and tell how each went; runs where only that client is."""

import asyncio
import inspect
import json
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

N = 20
COLUMNS = {
    "height": (np.linspace(0.5, 10.0, N), "FP64"),
    "floors": (np.arange(N, dtype=np.int64), "INT64"),
    "lit": (np.arange(N) % 3 == 0, "BOOL"),
    "city": (np.array([f"c{'é' * (n % 4)}" for n in range(N)], dtype=object), "BYTES"),
    "at": (np.array([f"2026-01-{n % 28 + 1:02}T00:00:00Z" for n in range(N)], dtype=object),
           "BYTES"),
}  # fmt: skip
PREDICTION = np.arange(N, dtype=np.int64)
PROBABILITY = np.column_stack([
    np.linspace(0.5, 10.0, N) + np.arange(N) % 28,
    (np.arange(N) % 3 == 0).astype(float),
    [1.0 + n % 4 for n in range(N)],
])  # fmt: skip


def same(prediction: Any, probability: Any) -> None:
    """Check what came back against what the model computes."""
    np.testing.assert_array_equal(np.asarray(prediction), PREDICTION)
    np.testing.assert_allclose(np.asarray(probability), PROBABILITY, rtol=0, atol=1e-12)


def run(found: Mapping[str, Any]) -> None:
    """Run every `case_...` of a script with the address that it was given."""
    told: dict[str, str] = {}
    cases: dict[str, Callable[..., Any]] = {
        name: one for name, one in found.items() if name.startswith("case_")
    }
    for name, case in cases.items():
        told[name] = ""
        try:
            done = case(sys.argv[1])
            if inspect.isawaitable(done):
                asyncio.run(_awaited(done))
        except Exception:  # noqa: BLE001 - told to whoever runs the script
            told[name] = traceback.format_exc()
    sys.stdout.write(f"\n{json.dumps(told)}\n")


async def _awaited(done: Any) -> None:
    await done
