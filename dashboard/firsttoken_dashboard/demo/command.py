"""`firsttoken demo`: see all of it work in a minute, without a key and without a network."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard import options
from firsttoken_dashboard.demo import running
from firsttoken_dashboard.demo.api import LookAlike
from firsttoken_dashboard.demo.lineup import LINEUP
from firsttoken_dashboard.demo.place import Place, clear, place, seal
from firsttoken_dashboard.options import CommandError

if TYPE_CHECKING:
    from types import ModuleType

DASHBOARD_PORT: Final = 8501
#: A pipe gets a line of progress now and then; a terminal has one that is overwritten.
LINE_EVERY_S: Final = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--no-dashboard", action="store_true", help="stop after the report")
    parser.add_argument("--no-browser", action="store_true", help="serve the dashboard without opening a browser")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="two runs with one seed agree (default: 0)")
    parser.add_argument(
        "--fixed",
        action="store_true",
        help="run the applications with their faults mended, into the store of the demo before",
    )
    parser.add_argument(
        "--store",
        metavar="URI",
        help="where the simulated calls go (default: a store of the demo's own, made anew by each run)",
    )
    parser.add_argument(
        "--port",
        type=options.port,
        metavar="N",
        help=f"the dashboard's port (default: {DASHBOARD_PORT}, or a free one where that is taken)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo; returns 0. Raises CommandError, StoreError, ModuleNotFoundError for a missing extra."""
    importlib.import_module("anthropic")
    dashboard = None if args.no_dashboard else importlib.import_module("firsttoken_dashboard.app.command")
    port = None if dashboard is None else _port(dashboard, args.port)
    at = place(args.store)
    if not args.fixed:
        clear(at)
    _collect(at, seed=args.seed, fixed=args.fixed)
    os.chdir(at.apps)  # report and dashboard show paths from here
    _call(importlib.import_module("firsttoken_dashboard.report.command"), "--store", str(at.store))
    if dashboard is None:
        print(f"\nTo look around: firsttoken dashboard --store {at.store}")
        if not args.fixed:
            named = f" --store {args.store}" if args.store else ""
            print(f"To see the changes work: firsttoken demo --fixed --no-dashboard{named}")
        return 0
    browser = ["--no-browser"] if args.no_browser else []
    return _call(dashboard, "--store", str(at.store), "--port", str(port), *browser)


def _collect(at: Place, *, seed: int, fixed: bool) -> None:
    began_ns = time.time_ns()
    # Other luck for the mended applications: an answer's id comes of seed and request, and is stored once.
    with LookAlike(seed=-1 - seed if fixed else seed) as api:
        print(f"A simulated Claude API answers on {api.url}; {len(LINEUP)} sample applications call it.", flush=True)
        progress = _Progress(api)
        try:
            manners = " Please." if fixed else ""  # the mended applications' visitors are others
            seconds = running.run_all(api, at.apps, at.store, fixed=fixed, progress=progress.show, manners=manners)
        finally:
            progress.done()
        calls = len(api.records)
    seal(at, began_ns)
    print(f"They sent {calls} requests in {seconds:.0f} s. Recorded in {at.store}\n", flush=True)


def _port(dashboard: ModuleType, wanted: int | None) -> int:
    """The dashboard's port, tried before the applications run. Raises CommandError where `wanted` is taken."""
    try:
        dashboard.bound("127.0.0.1", DASHBOARD_PORT if wanted is None else wanted).close()
    except CommandError:
        if wanted is not None:
            raise
        return 0
    return DASHBOARD_PORT if wanted is None else wanted


def _call(command: ModuleType, *words: str) -> int:
    """Run another command of ours, as the shell would."""
    parser = argparse.ArgumentParser(prog="firsttoken demo")
    command.add_arguments(parser)
    return command.run(parser.parse_args(words))


class _Progress:
    """Requests answered so far and seconds, on stderr."""

    def __init__(self, api: LookAlike) -> None:
        self._api = api
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()

    def show(self, seconds: float) -> None:
        """Say how far it is."""
        text = f"{len(self._api.records)} requests so far, {seconds:.0f} s"
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K{text} …")
        elif time.monotonic() - self._last >= LINE_EVERY_S:
            self._last = time.monotonic()
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def done(self) -> None:
        """Leave no half line behind."""
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
