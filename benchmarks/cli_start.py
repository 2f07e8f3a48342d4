"""How long until the command line and the library are there?

    python benchmarks/cli_start.py [--times 15]

Processor milliseconds (user and system, the least of the repetitions, compiled files in place)
of `bucle --help`, of `import bucle` and of two verbs that read from a new home's database, beside
a Python that does nothing.  The limits are the house's own; beyond them this script fails.
"""

import sys
import tempfile

from report import Figure, arguments, spend, tell

LIMITS_MS = {
    "bucle --help": 150,
    "import bucle": 100,
    "bucle data list": 500,
    "bucle tracking list": 500,
}
PROGRAMS = {
    "bucle --help": ("-m", "bucle", "--help"),
    "import bucle": ("-c", "import bucle"),
    "bucle settings": ("-m", "bucle", "settings"),
    "bucle data list": ("-m", "bucle", "data", "list"),
    "bucle tracking list": ("-m", "bucle", "tracking", "list"),
    "python": ("-c", "pass"),
}


def main() -> None:
    """Measure each program and print the figures that have a limit."""
    parser = arguments(__doc__)
    parser.add_argument("--times", type=int, default=15)
    asked = parser.parse_args()
    times = 3 if asked.quick else asked.times
    with tempfile.TemporaryDirectory(prefix="bucle-start-") as home:
        least_ms = {name: least(program, times, home) for name, program in PROGRAMS.items()}
    for name, limit_ms in LIMITS_MS.items():
        tell(Figure(
            benchmark=f"start: {name}", ours=least_ms[name], beside=least_ms["python"],
            against="python -c pass", unit="ms of CPU",
            details={"limit_ms": limit_ms, "all_ms": least_ms},
        ))  # fmt: skip
    slow = [name for name, limit_ms in LIMITS_MS.items() if least_ms[name] > limit_ms]
    if slow:
        sys.exit(f"beyond its limit: {', '.join(slow)}")


def least(program: tuple[str, ...], times: int, home: str) -> float:
    """Return the least processor milliseconds of a program, after a first run."""
    runs = [spend([sys.executable, *program], BUCLE_HOME=home) for _ in range(times + 1)]
    failed = next((run.output for run in runs if run.code), None)
    if failed is not None:
        sys.exit(failed)
    return round(min(run.cpu_s for run in runs[1:]) * 1000, 1)


if __name__ == "__main__":
    main()
