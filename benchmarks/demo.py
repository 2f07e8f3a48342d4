"""How long does `bucle demo` take, from nothing to its summary?

    python benchmarks/demo.py

Runs the demo once in a new home and prints its wall seconds and the processor seconds of all its
processes, beside the 90 seconds that the house has set itself as the limit on two cores.
"""

import re
import sys
import tempfile

from report import Figure, arguments, spend, tell

LIMIT_S = 90


def main() -> None:
    """Run the demo and print what it took."""
    arguments(__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="bucle-bench-") as home:
        run = spend([sys.executable, "-m", "bucle", "demo", "--dir", f"{home}/demo"])
    if run.code:
        sys.exit(run.output[-4000:])
    tell(Figure(
        benchmark="demo", ours=run.wall_s, beside=LIMIT_S, against="the limit", unit="s",
        details={"cpu_s": round(run.cpu_s, 1), "last_lines": last_lines(run.output)},
    ))  # fmt: skip


def last_lines(text: str) -> list[str]:
    """Return the summary's last lines, without colours."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return [line.strip() for line in plain.splitlines() if line.strip()][-12:]


if __name__ == "__main__":
    main()
