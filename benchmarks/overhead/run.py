"""What a call costs with and without us, and with each of its peers, on the caller's path.

    python -m benchmarks.overhead.run [--rounds 20] [--turns 2] [--of KIND…] [--environments DIR] [--only NAME…]

Each instrumentation is measured in a process of its own, by turns with the same calls uninstrumented: ours with this
Python, a peer in an environment that is made for it. Figures are µs of CPU time of the calling thread, which a busy
machine disturbs less than the clock: medians over all rounds, and of the differences between neighbours in a round,
with the interval in which these lie at 95 %. In brackets: the ratio to what the row stands on.
`benchmarks.overhead.measure` says what a call is here, `benchmarks.overhead.transport` what it is sent to.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.overhead.measure import FEW, KINDS, MANY, Figures

#: What the figures are converted to: µs to set 28 attributes.
QUICK_US = 20.0
REPOSITORY = Path(__file__).resolve().parents[2]


class Environment(NamedTuple):
    """Packages, and the groups of variants that a process of it measures by turns."""

    packages: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]


NEWEST = ("anthropic==2.12.0", "opentelemetry-sdk")
ENVIRONMENTS = {
    "firsttoken": Environment(
        (), (("uninstrumented", "sdk", "firsttoken on sdk", "firsttoken alone", "firsttoken on sdk, reader"),)
    ),
    "genai-anthropic": Environment(
        (*NEWEST, "opentelemetry-instrumentation-genai-anthropic==1.3b0"), (("uninstrumented", "genai-anthropic"),)
    ),
    "openinference": Environment(
        (*NEWEST, "openinference-instrumentation-anthropic==3.1.0"), (("uninstrumented", "openinference"),)
    ),
    "traceloop": Environment(
        (*NEWEST, "opentelemetry-instrumentation-anthropic==0.62.4"), (("uninstrumented", "traceloop"),)
    ),
    "logfire": Environment((*NEWEST, "logfire"), (("uninstrumented", "logfire"),)),
    # It runs with the SDK before 1.0 only, and changes more than that: two processes by turns.
    "openlit": Environment(
        ("anthropic==0.125.0", "opentelemetry-sdk", "openlit==1.45.0"), (("uninstrumented",), ("openlit",))
    ),
}


class Row(NamedTuple):
    """A line of the table: `variant` over `base`, both of `environment`."""

    title: str
    environment: str
    variant: str
    base: str | None


ROWS = (
    Row("uninstrumented", "firsttoken", "uninstrumented", None),
    Row("the SDK's own tracing", "firsttoken", "sdk", "uninstrumented"),
    Row("**firsttoken, added to the SDK's own**", "firsttoken", "firsttoken on sdk", "sdk"),
    Row("the same with a metric reader", "firsttoken", "firsttoken on sdk, reader", "sdk"),
    Row("**firsttoken, the SDK's own off**", "firsttoken", "firsttoken alone", "uninstrumented"),
    Row("opentelemetry-instrumentation-genai-anthropic", "genai-anthropic", "genai-anthropic", "uninstrumented"),
    Row("openinference-instrumentation-anthropic", "openinference", "openinference", "uninstrumented"),
    Row("opentelemetry-instrumentation-anthropic (Traceloop)", "traceloop", "traceloop", "uninstrumented"),
    Row("logfire", "logfire", "logfire", "uninstrumented"),
    Row("openlit (anthropic 0.125)", "openlit", "openlit", "uninstrumented"),
)

Take = Callable[[dict[str, list[float]]], list[float]]


class Column(NamedTuple):
    """`kind` of work, and how its figure is taken from what was measured."""

    title: str
    kind: str
    take: Take


def of(name: str) -> Take:
    return lambda us: us[name]


def per_chunk(kind: str) -> Take:
    """What the length of a stream adds, by chunk."""
    return lambda us: [
        (many - few) / (MANY - FEW) for many, few in zip(us[f"{kind} many"], us[f"{kind} few"], strict=True)
    ]


CALLS = (
    Column("create", "create", of("create")),
    Column("create async", "async create", of("async create")),
    Column(f"a stream of {FEW}", "stream", of("stream few")),
    Column("create, all threads", "create", of("create, whole process")),
)
CHUNKS = (
    Column("create(stream)", "stream", per_chunk("stream")),
    Column("create(stream) async", "async stream", per_chunk("async stream")),
    Column("text_stream", "text", per_chunk("text")),
)


def environment(name: str, home: Path) -> Path:
    """The Python of an environment; makes it where it is missing."""
    packages = ENVIRONMENTS[name].packages
    if not packages:
        return Path(sys.executable)
    python = home / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(home / name, with_pip=True)
        subprocess.run(
            [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *packages], check=True
        )
    return python


def measured(python: Path, variants: tuple[str, ...], rounds: int, calls: int, kinds: list[str]) -> Figures:
    command = [str(python), "-m", "benchmarks.overhead.measure", *variants]
    command += ["--rounds", str(rounds), "--calls", str(calls), "--of", *kinds]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "FIRSTTOKEN_"))}
    told = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=REPOSITORY, env=kept
    ).stdout
    return json.loads(told.splitlines()[-1])


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Between which the median of what `values` are a sample of lies, in 95 of 100 cases: two of the values themselves.

    How many of them lie below the median is as with a coin, whatever they are distributed like.
    """
    ordered = sorted(values)
    reach = math.ceil(0.98 * math.sqrt(len(ordered)))
    middle = len(ordered) // 2
    return ordered[max(0, middle - reach)], ordered[min(len(ordered) - 1, middle + reach)]


def differences(figures: Figures, variant: str, base: str, take: Take) -> list[float]:
    """What `variant` takes over `base`, of neighbours."""
    return [one - other for one, other in zip(take(figures[variant]), take(figures[base]), strict=True)]


def cell(figures: Figures, row: Row, take: Take) -> str:
    median = statistics.median(take(figures[row.variant]))
    digits = 0 if median > 100 else 2
    if row.base is None:
        return f"{median:.{digits}f}"
    added = differences(figures, row.variant, row.base, take)
    low, high = interval(added)
    ratio = 1 + statistics.median(added) / statistics.median(take(figures[row.base]))
    return f"{statistics.median(added):+.{digits}f}, {low:.{digits}f} to {high:.{digits}f} (×{ratio:.2f})"


def table(title: str, columns: Sequence[Column], figures: dict[str, Figures]) -> str:
    lines = [f"| {title} | {' | '.join(column.title for column in columns)} |", "|---|" + "---|" * len(columns)]
    for row in ROWS:
        if row.environment in figures:
            cells = [cell(figures[row.environment], row, column.take) for column in columns]
            lines.append(f"| {row.title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def in_words(figures: Figures, columns: Sequence[Column]) -> list[str]:
    """What of ours a create does after its request is sent, and all figures of ours by how fast this machine is."""
    sent, scale = figures["firsttoken on sdk"]["create, while the network is awaited"], figures["sdk"]["28 attributes"]
    unit = statistics.median(scale)
    awaited = (
        f"Of what firsttoken adds to a create, {statistics.median(sent):.0f} µs go by while the network is awaited."
    )
    machine = (
        f"Setting 28 attributes on a span takes {unit:.0f} µs here; on a machine where that takes {QUICK_US:.0f} µs, "
        "by which machines can be compared, firsttoken adds to the SDK's own:"
    )
    words = [f"{awaited} {machine}"]
    for column in columns:
        added = [one / unit * QUICK_US for one in differences(figures, "firsttoken on sdk", "sdk", column.take)]
        low, high = interval(added)
        words.append(f"- {statistics.median(added):.2f} µs ({low:.2f} to {high:.2f}): {column.title}")
    return words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--calls", type=int, default=50, help="calls in a batch")
    parser.add_argument("--turns", type=int, default=2, help="processes of each kind, one after the other")
    parser.add_argument("--of", nargs="+", choices=KINDS, default=list(KINDS), help="what is measured")
    parser.add_argument("--environments", type=Path, help="where the peers' environments are kept; made if missing")
    parser.add_argument("--only", nargs="+", choices=ENVIRONMENTS, default=list(ENVIRONMENTS))
    args = parser.parse_args()
    figures: dict[str, Figures] = defaultdict(dict)
    with tempfile.TemporaryDirectory() as scratch:
        pythons = {name: environment(name, args.environments or Path(scratch)) for name in args.only}
        for _ in range(args.turns):
            for name, python in pythons.items():
                for group in ENVIRONMENTS[name].groups:
                    for variant, kinds in measured(python, group, args.rounds, args.calls, args.of).items():
                        all_kinds = figures[name].setdefault(variant, defaultdict[str, list[float]](list))
                        for kind, us in kinds.items():
                            all_kinds[kind] += us
    told: list[Column] = []
    for title, columns in (("µs a call", CALLS), ("µs a chunk", CHUNKS)):
        asked = [column for column in columns if column.kind in args.of]
        told += asked
        if asked:
            print(table(title, asked, figures), end="\n\n")
    if "firsttoken" in figures and "create" in args.of:
        print(*in_words(figures["firsttoken"], told), sep="\n")


if __name__ == "__main__":
    main()
