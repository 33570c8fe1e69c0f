"""How fast stores of simulated calls are made, and how long a full audit of one takes.

    python benchmarks/audit/run.py [--calls 1000000 --calls 10000000] [--days 30] [--store FILE] [--rules]

Every step runs in a process of its own, as a user's command does: its peak memory is its own. --store audits a store
that is there already; --rules adds what each rule took. CPU seconds tell also where the machine is busy: with two free
cores the wall clock is between half of them and all.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from firsttoken import store as stores
from firsttoken_dashboard import cli
from firsttoken_dashboard.advisor import verify
from firsttoken_dashboard.advisor.audit import audit
from firsttoken_dashboard.analysis import Window

FOLLOWING: Final = "What became of earlier findings"


class Laps:
    """Seconds and CPU seconds between two calls of `next`, each for the name given before."""

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, float]] = {}
        self._name = "Opening the store"
        self._at = time.perf_counter(), time.process_time()

    def next(self, name: str) -> None:
        """What ran until now belongs to the name before."""
        now = time.perf_counter(), time.process_time()
        self.seconds[self._name] = now[0] - self._at[0], now[1] - self._at[1]
        self._name, self._at = name, now


def simulate(path: Path, calls: int, days: int) -> dict[str, Any]:
    """Make a store; runs in a process of its own."""
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        code = cli.main(["simulate", "--calls", str(calls), "--days", str(days), "--seed", "1", "--store", str(path)])
    assert code == 0
    return _used(began)


def audited(path: Path) -> dict[str, Any]:
    """Audit a store and follow its findings, as `firsttoken report` does; runs in a process of its own."""
    laps = Laps()
    began = time.perf_counter()
    store = stores.open(path, memory_limit="2GB")
    answer = audit(store, Window(), source_root=path.parent, progress=laps.next)
    laps.next(FOLLOWING)
    verify.follow(store, answer)
    laps.next("")
    return {**_used(began), "calls": answer.n_calls, "findings": len(answer.findings), "rules": laps.seconds}


def _used(began: float) -> dict[str, Any]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"seconds": time.perf_counter() - began, "cpu_s": time.process_time(), "peak_gb": peak}


def step(*words: str) -> dict[str, Any]:
    """Run a step in a process of its own."""
    done = subprocess.run([sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def main() -> int:
    """Run, and print the tables; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, action="append", help="simulated calls (default: 1,000,000); repeatable")
    parser.add_argument("--days", type=int, default=30, help="over how many days (default: 30)")
    parser.add_argument("--store", type=Path, action="append", help="a store that is there already; repeatable")
    parser.add_argument("--rules", action="store_true", help="what each rule took, too")
    parser.add_argument("--step", choices=("simulate", "audit"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step == "simulate":
        print(json.dumps(simulate(args.store[0], args.calls[0], args.days)))
        return 0
    if args.step == "audit":
        print(json.dumps(audited(args.store[0])))
        return 0
    print("| step | calls | seconds | CPU s | peak memory |\n|---|---|---|---|---|")
    rules: dict[int, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        paths: list[Path] = list(args.store or ())
        for calls in args.calls or ([] if paths else [1_000_000]):
            path = Path(folder) / f"{calls}.duckdb"
            made = step("--step", "simulate", "--store", str(path), "--calls", str(calls), "--days", str(args.days))
            print(_row(f"simulate ({calls / made['seconds']:,.0f} calls/s)", calls, made), flush=True)
            paths.append(path)
        for path in paths:
            answer = step("--step", "audit", "--store", str(path))
            print(_row("audit", answer["calls"], answer), flush=True)
            rules[answer["calls"]] = answer["rules"]
    if args.rules:
        for calls, laps in rules.items():
            print(f"\n{calls:,} calls:\n\n| part | seconds | CPU s |\n|---|---|---|")
            for name, (seconds, cpu_s) in sorted(laps.items(), key=lambda lap: -lap[1][0]):
                print(f"| {name} | {seconds:.2f} | {cpu_s:.2f} |")
    print(f"\n{os.cpu_count()} cores; load at the end {os.getloadavg()[0]:.1f}.")
    return 0


def _row(what: str, calls: int, used: dict[str, Any]) -> str:
    return f"| {what} | {calls:,} | {used['seconds']:.1f} | {used['cpu_s']:.1f} | {used['peak_gb']:.1f} GB |"


if __name__ == "__main__":
    sys.exit(main())
