"""How long does a full audit take, and which rule takes it? A table of seconds and CPU seconds per rule.

    python benchmarks/audit/run.py [--calls 1000000] [--days 30] [--store FILE]

Without --store it makes a store of simulated calls first. CPU seconds tell also where the machine is busy.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from firsttoken import store as stores
from firsttoken_dashboard import cli
from firsttoken_dashboard.advisor.audit import audit
from firsttoken_dashboard.analysis import Window

#: What is not a rule's: finding sites, copying the window, fitting the models' speed.
PREPARING: Final = "(sites, window, fit)"


class Laps:
    """Seconds and CPU seconds between two calls of `next`, each for the name given before."""

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, float]] = {}
        self._name = PREPARING
        self._at = time.perf_counter(), time.process_time()

    def next(self, name: str) -> None:
        """What ran until now belongs to the name before."""
        now = time.perf_counter(), time.process_time()
        self.seconds[self._name] = now[0] - self._at[0], now[1] - self._at[1]
        self._name, self._at = name, now


def main() -> int:
    """Run, and print the table; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000, help="simulated calls (default: 1,000,000)")
    parser.add_argument("--days", type=int, default=30, help="over how many days (default: 30)")
    parser.add_argument("--store", type=Path, help="a store that is there already")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = args.store or Path(folder) / "simulated.duckdb"
        if args.store is None:
            size = ["--calls", str(args.calls), "--days", str(args.days), "--seed", "1"]
            with contextlib.redirect_stdout(io.StringIO()):
                cli.main(["simulate", *size, "--store", str(path)])
        began, cpu = time.perf_counter(), time.process_time()
        laps = Laps()
        answer = audit(stores.open(path, memory_limit="2GB"), Window(), source_root=Path(folder), progress=laps.next)
        laps.next("")
    print("| rule | s | CPU s |\n|---|---|---|")
    for name, (seconds, cpu_s) in sorted(laps.seconds.items(), key=lambda lap: -lap[1][1]):
        print(f"| {name} | {seconds:.2f} | {cpu_s:.2f} |")
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(f"| **all, {answer.n_calls:,} calls** | {took:.2f} | {cpu:.2f} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"\nPeak memory {peak:.1f} GB (with making the store); {len(answer.findings)} findings.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
