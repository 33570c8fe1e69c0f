"""`firsttoken simulate`: a store full of plausible calls, to try pages and audits at size.

DuckDB makes the calls and puts them into `calls` itself; of their spans only each trace's first is written, because all
of them would take ten times as long and as much room. `firsttoken store rebuild` therefore forgets simulated calls.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

import firsttoken.store
from firsttoken_dashboard.analysis import sql
from firsttoken_dashboard.options import CommandError, add_store

if TYPE_CHECKING:
    import argparse

#: Calls per transaction: 0.2 GB while they are made. A multiple of four: blocks of four share a site.
BATCH: Final = 491_520
_PATIENCE_S: Final = 30.0
_LONGEST_CHAIN: Final = timedelta(minutes=3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--calls`, `--days`, `--seed` and `--store`."""
    add_store(parser)
    parser.add_argument("--calls", type=int, required=True, metavar="N", help="how many calls to make up")
    parser.add_argument(
        "--days", type=float, default=7.0, metavar="D", help="over how many days that end now (default: %(default)g)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the same seed makes the same calls (default: %(default)d)"
    )


def run(args: argparse.Namespace) -> int:
    """Fill the store and say how fast that went. Raises CommandError and StoreError."""
    if args.calls < 1 or not 0 < args.days <= 3650:
        raise CommandError("--calls is at least 1, and --days more than 0 and at most 3650.")
    store = firsttoken.store.open(args.store, memory_limit="2GB")
    began = time.monotonic()
    shown = sys.stderr.isatty()

    def progress(made: int) -> None:
        if shown:
            print(f"\r{made:,} of {args.calls:,} calls", end="", file=sys.stderr, flush=True)

    fill(store, args.calls, days=args.days, seed=args.seed, progress=progress)
    took = time.monotonic() - began
    if shown:
        print(file=sys.stderr)
    print(f"{args.calls:,} simulated calls over {args.days:g} days in {store.path}: {args.calls / took:,.0f} calls/s")
    return 0


def fill(
    store: firsttoken.store.Store,
    calls: int,
    *,
    days: float = 7.0,
    seed: int = 0,
    until: datetime | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Add `calls` simulated calls that started in the `days` before `until` (UTC; now). Raises StoreError."""
    # A chain goes on for a while after its first call: none is to start in the future.
    end = (until or datetime.now(timezone.utc)) - _LONGEST_CHAIN
    since = (end - timedelta(days=days)).replace(tzinfo=None)
    question = sql("simulate", __package__ or "")
    roots = sql("simulate_roots", __package__ or "")
    for first in range(0, calls, BATCH):
        last = min(first + BATCH, calls)
        values = {"seed": seed, "calls": calls, "days": days, "since": since}
        # The store's own way to write: its lock, its bounds, its tables.
        with store.write(patience_s=_PATIENCE_S) as con:
            # Rows may lie in any order, and their numbers in a table: else one core would do all the work.
            con.execute("SET preserve_insertion_order = false")
            con.execute("CREATE OR REPLACE TEMP TABLE numbers AS SELECT unnest(range($1, $2)) AS i", [first, last])
            [(rows,)] = con.execute("SELECT coalesce(max(rowid) + 1, 0) FROM calls").fetchall()
            con.begin()
            con.execute(f"INSERT INTO calls BY NAME {question}", values)
            con.execute(f"INSERT INTO spans BY NAME {roots}", {"first_row": rows})
            con.commit()
        if progress is not None:
            progress(last)
