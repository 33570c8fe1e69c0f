"""`firsttoken compare A B`: what changed between two windows, versions or stores, and whether it is more than luck."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firsttoken import store as stores
from firsttoken_dashboard import analysis, options, pricing
from firsttoken_dashboard.advisor.sites import source_root
from firsttoken_dashboard.compare import Change, Comparison, Side, Unit, compare
from firsttoken_dashboard.options import CommandError
from firsttoken_dashboard.report import wording

if TYPE_CHECKING:
    from firsttoken.store import Store
    from firsttoken_dashboard.advisor.findings import Site

_VERSION: Final = "version:"
_FORMS: Final = """\
A and B are each one of
  FROM/TO       calls of that time; either end may be left out, as in 24h/ or /2026-11-01
  version:X     calls of that service.version
  a file        a store of its own
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = f"{parser.description or ''}\n\n{_FORMS}"
    parser.add_argument("a", metavar="A", help="what to compare with: FROM/TO, version:X or a store's file")
    parser.add_argument("b", metavar="B", help="what is held against it, in the same forms")
    options.add_store(parser)
    options.add_window(parser)
    parser.add_argument("--format", choices=("terminal", "json"), default="terminal", help="(default: %(default)s)")
    parser.add_argument("--source-root", metavar="DIR", type=Path, help="show paths relative to it")
    parser.add_argument("--models", metavar="FILE", help="a TOML file laid over the packaged price list")


def run(args: argparse.Namespace) -> int:
    """Print the comparison; returns 0. Raises CommandError, StoreError."""
    root = source_root() if args.source_root is None else args.source_root.resolve()
    try:
        prices = pricing.load(args.models)
    except pricing.PricesError as error:
        raise CommandError(str(error)) from error
    found = compare(_side(args.a, args), _side(args.b, args), root=root, prices=prices)
    print(json.dumps(document(found, root), indent=2) if args.format == "json" else render(found, root))
    return 0


def _side(text: str, args: argparse.Namespace) -> Side:
    path = Path(text)
    if not text.startswith(_VERSION) and (path.is_file() or path.suffix == ".duckdb"):
        return Side(text, stores.open(path, memory_limit=args.memory_limit), options.window(args))
    return side(text, options.open_store(args), options.window(args))


def side(text: str, store: Store, window: analysis.Window) -> Side:
    """Read `version:X` or `FROM/TO`. Raises CommandError."""
    if text.startswith(_VERSION):
        return Side(text, store, window, text.removeprefix(_VERSION))
    ends = text.split("/")
    if len(ends) == 2 and any(ends):
        try:
            since, until = (options.moment(end) if end else None for end in ends)
        except argparse.ArgumentTypeError as error:
            raise CommandError(f"{text}: {error}.") from error
        if since is not None and until is not None and since >= until:
            raise CommandError(f"{text} ends before it begins.")
        return Side(text, store, analysis.Window(since, until, window.service))
    raise CommandError(f"{text!r} is no window (FROM/TO), no version (version:X), and no store's file.")


def document(found: Comparison, root: Path) -> dict[str, Any]:
    """The comparison as JSON values."""
    return {
        "version": 1,
        "a": {"name": found.a, "calls": found.n_a},
        "b": {"name": found.b, "calls": found.n_b},
        "sites": [
            {
                "site": _site(one.site, root),
                "calls_a": one.n_a,
                "calls_b": one.n_b,
                "changes": [asdict(change) for change in one.changes],
            }
            for one in found.sites
        ],
        "only_a": [{"site": _site(site, root), "calls": n} for site, n in found.only_a],
        "only_b": [{"site": _site(site, root), "calls": n} for site, n in found.only_b],
    }


def _site(site: Site, root: Path) -> dict[str, Any]:
    return {
        "service": site.service,
        "file": site.path(root),
        "line": site.line,
        "function": site.function,
        "label": wording.clean(site.label(root)),
    }


def render(found: Comparison, root: Path) -> str:
    """The comparison for people."""
    lines = [
        f"A: {wording.clean(found.a)}, {found.n_a:,} calls",
        f"B: {wording.clean(found.b)}, {found.n_b:,} calls",
    ]
    for one in found.sites:
        lines += ["", f"{wording.clean(one.site.label(root))}  ({one.n_a:,} and {one.n_b:,} calls)"]
        width = max((len(change.measure) for change in one.changes if change.a or change.b), default=0)
        lines += [f"  {change.measure:<{width}}  {_said(change)}" for change in one.changes if change.a or change.b]
    for name, sites in (("A", found.only_a), ("B", found.only_b)):
        if sites:
            lines += ["", f"Only in {name}:"]
            lines += [f"  {wording.clean(site.label(root))}  ({n:,} calls)" for site, n in sites]
    if not (found.n_a or found.n_b):
        lines += ["", wording.NO_CALLS_IN_WINDOW]
    return "\n".join(lines)


def _said(change: Change) -> str:
    a, b = (_figure(value, change.unit) for value in (change.a, change.b))
    if change.change is None:
        return f"{a} -> {b}  {change.verdict}"
    low, high = (_figure(end, change.unit, sign=True) for end in (change.change.low, change.change.high))
    return f"{a} -> {b}  {change.verdict} ({low} to {high})"


def _figure(value: float | None, unit: Unit, *, sign: bool = False) -> str:
    if value is None:
        return "unknown"
    plus = "+" if sign and value > 0 else ""
    if unit == "s":
        return plus + wording.seconds(value)
    if unit == "usd":
        return f"{plus}{wording.dollars(1000 * value)} per 1,000" if not sign else plus + wording.dollars(1000 * value)
    if unit == "share":
        return f"{plus}{100 * value:.1f} %"
    return f"{plus}{value:.1f} tokens/s"
