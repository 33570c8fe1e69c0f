"""How much later a script starts under `opentelemetry-instrument` with firsttoken than with the stock distribution.

    python benchmarks/startup.py [--rounds 40] [--environments DIR]

Makes two virtual environments, one holding only firsttoken, one only opentelemetry-distro, and runs the same empty
script in both by turns, so that whatever else the machine does hits both alike. The stock distribution runs with every
exporter set to `none`: that is the least it can do (with its default, OTLP over gRPC, it starts later). Also measures
`import firsttoken` over importing what it stands on. Prints medians in ms and a 95 % interval of the difference, of
the wall clock and of the processor time, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[1]
OPENTELEMETRY = "import opentelemetry.trace, opentelemetry.instrumentation.instrumentor, opentelemetry.sdk.trace.export"
UNTOUCHED = """
import sys
loaded = sorted({"anthropic", "duckdb", "pandas", "streamlit"} & sys.modules.keys())
if loaded:
    raise SystemExit(f"loaded: {loaded}")
"""


class Start(NamedTuple):
    """What it took to run a script, ms."""

    wall: float
    processor: float


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=40, help="starts of each kind")
    arguments.add_argument("--environments", type=Path, help="where the environments are kept; made there if missing")
    args = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home: Path = args.environments or Path(scratch)
        ours = environment(home / "ours", str(REPOSITORY))
        stock = environment(home / "stock", "opentelemetry-distro")
        script = Path(scratch) / "script.py"
        script.write_text(UNTOUCHED)
        none = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
        store = {"FIRSTTOKEN_STORE": str(Path(scratch) / "store.duckdb")}
        compare(
            "script under opentelemetry-instrument",
            ("firsttoken", [str(ours / "opentelemetry-instrument"), str(ours / "python"), str(script)], store),
            ("stock", [str(stock / "opentelemetry-instrument"), str(stock / "python"), str(script)], none),
            args.rounds,
        )
        compare(
            "import",
            ("firsttoken", [str(ours / "python"), "-c", f"{OPENTELEMETRY}, firsttoken"], {}),
            ("OpenTelemetry alone", [str(ours / "python"), "-c", OPENTELEMETRY], {}),
            args.rounds,
        )
    return 0


def environment(path: Path, package: str) -> Path:
    """Make a virtual environment with one package in it, byte code compiled; return its directory of programs."""
    programs = path / ("Scripts" if os.name == "nt" else "bin")
    if not path.exists():
        venv.create(path, with_pip=True)
    quiet = [str(programs / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*quiet, "install", "--upgrade", package], check=True, env=clean({}))
    return programs


def compare(
    title: str, one: tuple[str, list[str], dict[str, str]], other: tuple[str, list[str], dict[str, str]], rounds: int
) -> None:
    starts: tuple[list[Start], list[Start]] = ([], [])
    for turn in range(rounds + 2):
        for (_, command, extra), kept in zip((one, other), starts, strict=True):
            start = run(command, extra)
            if turn >= 2:  # the first ones read the files from the disk
                kept.append(start)
    print(f"{title}: {rounds} starts of each, by turns; ms")
    for number, clock in enumerate(Start._fields):
        ours, theirs = ([start[number] for start in kept] for kept in starts)
        low, high = interval(ours, theirs)
        print(
            f"  {clock:<10} {one[0]} {statistics.median(ours):.1f}, {other[0]} {statistics.median(theirs):.1f}, "
            f"difference {statistics.median(ours) - statistics.median(theirs):+.1f} (95 %: {low:+.1f} to {high:+.1f})"
        )
    sys.stdout.flush()


def run(command: list[str], extra: dict[str, str]) -> Start:
    began = time.perf_counter()
    process = subprocess.Popen(command, env=clean(extra))
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return Start(wall * 1e3, (used.ru_utime + used.ru_stime) * 1e3)


def interval(one: list[float], other: list[float]) -> tuple[float, float]:
    """Bootstrap the 95 % interval of the difference of medians."""
    draw = random.Random(1)
    differences = sorted(
        statistics.median(draw.choices(one, k=len(one))) - statistics.median(draw.choices(other, k=len(other)))
        for _ in range(2000)
    )
    return differences[50], differences[1949]


def clean(extra: dict[str, str]) -> dict[str, str]:
    """The environment without settings that would tell the two apart, or keep byte code from being written."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "FIRSTTOKEN_", "PYTHON"))
    }
    return {**kept, **extra}


if __name__ == "__main__":
    sys.exit(main())
