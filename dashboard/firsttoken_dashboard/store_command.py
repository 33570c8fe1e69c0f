"""`firsttoken store`: look at the store, make it smaller, take a copy, derive its calls anew."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firsttoken.store import maintenance
from firsttoken_dashboard import options

if TYPE_CHECKING:
    from collections.abc import Callable

    from firsttoken.store import Store
    from firsttoken.store.ingest import ReceiverReport
    from firsttoken.store.maintenance import StoreInfo

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s?([KMGT]?)i?B?", re.IGNORECASE)
_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_KIB: Final = 1024
_DAY_S: Final = 86_400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be done, each with its own options."""
    actions = parser.add_subparsers(title="what to do", metavar="ACTION", required=True)
    _action(
        actions.add_parser("info", help="where it is, how large, what is in it, what was lost and why"), _info
    ).add_argument("--format", choices=("terminal", "json"), default="terminal", help="default: %(default)s")
    prune = _action(actions.add_parser("prune", help="delete what is old, and give the space back"), _prune)
    prune.add_argument(
        "--older-than",
        metavar="AGE",
        type=options.duration,
        help="delete spans and calls older than this: 12h, 7d, 4w (default: the retention in force, 30d unless set)",
    )
    prune.add_argument(
        "--max-size",
        metavar="SIZE",
        type=size,
        help="delete the oldest until what is left fits: 500MB, 1GB (default: the retention in force, 2GB unless set)",
    )
    export = _action(actions.add_parser("export", help="copy every table to a Parquet file"), _export)
    export.add_argument("directory", metavar="DIRECTORY", type=Path, help="where to; it is made")
    _action(actions.add_parser("rebuild", help="derive the calls anew from the spans, after an upgrade"), _rebuild)


def run(args: argparse.Namespace) -> int:
    """Do what was chosen."""
    store = options.open_store(args)
    # A missing store is refused by reading it: the actions that write would make an empty one.
    with store.read():
        pass
    chosen: Callable[[Store, argparse.Namespace], None] = args.action
    chosen(store, args)
    return 0


def size(text: str) -> int:
    """Read `500MB` or `1.5GB` (powers of 1024) as bytes; for argparse's `type`."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write 500MB or 2GB")
    number, unit = match.groups()
    return int(float(number) * _KIB ** _POWERS[unit.upper()])


def spelled(size_in_bytes: float) -> str:
    """Spell a size for people: `0 B`, `12.4 MB`, in powers of 1024."""
    for unit in ("B", "KB", "MB", "GB"):
        if size_in_bytes < _KIB:
            return f"{size_in_bytes:.0f} {unit}" if unit == "B" else f"{size_in_bytes:.1f} {unit}"
        size_in_bytes /= _KIB
    return f"{size_in_bytes:.1f} TB"


def _action(
    parser: argparse.ArgumentParser, action: Callable[[Store, argparse.Namespace], None]
) -> argparse.ArgumentParser:
    options.add_store(parser)
    parser.set_defaults(action=action)
    return parser


def _info(store: Store, args: argparse.Namespace) -> None:
    info = maintenance.info(store)
    if args.format == "json":
        print(json.dumps(dataclasses.asdict(info), default=_json_value, indent=2))
        return
    lines = _lines(info)
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        print(f"{name:<{width}}  {value}")


def _lines(info: StoreInfo) -> list[tuple[str, str]]:
    between = (
        f"{info.oldest:%Y-%m-%d %H:%M} to {info.newest:%Y-%m-%d %H:%M} UTC" if info.oldest and info.newest else "–"
    )
    waiting = (
        f"{info.outbox_spans:,} spans in {info.outbox_segments:,} files, {spelled(info.outbox_bytes)},"
        f" since {info.lag_s:.0f} s"
    )
    return [
        ("store", str(info.path)),
        ("size", f"{spelled(info.file_bytes)}, {spelled(info.used_bytes)} of it in use"),
        ("spans", f"{info.spans:,}"),
        ("calls", f"{info.calls:,}"),
        ("from", between),
        ("services", ", ".join(info.services) or "–"),
        ("recorded by", ", ".join(f"{name} ({count:,})" for name, count in info.dialects) or "–"),
        ("arriving", f"{info.spans_last_minute:,} spans in the last minute, {info.spans_last_hour:,} in the last hour"),
        ("waiting", waiting if info.outbox_segments else "nothing"),
        ("lost", ", ".join(f"{count:,} spans: {reason}" for reason, count in info.drops) or "nothing"),
        ("receiver", _receiver(info.receiver)),
        ("schema", f"version {info.schema_version}"),
    ]


def _receiver(report: ReceiverReport | None) -> str:
    if report is None:
        return "none yet"
    state = "running" if report.running else f"last heard of at {report.written_at:%Y-%m-%d %H:%M} UTC"
    said = [state, f"{report.spans_stored:,} spans", f"{report.spans_per_s:,.0f}/s", f"{report.lag_s:.1f} s behind"]
    said += [f"{count:,} requests rejected: {reason}" for reason, count in report.requests_rejected]
    said += [f"{count:,} spans refused: {reason}" for reason, count in report.spans_refused]
    return ", ".join([*said, *([report.error] if report.error else [])])


def _json_value(value: object) -> str:
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else str(value)


def _prune(store: Store, args: argparse.Namespace) -> None:
    days = None if args.older_than is None else args.older_than.total_seconds() / _DAY_S
    before, after = maintenance.prune(store, days=days, size=args.max_size)
    print(f"{store.path}: {spelled(before)} before, {spelled(after)} now")


def _export(store: Store, args: argparse.Namespace) -> None:
    for file in maintenance.export(store, args.directory):
        print(f"{file}  {spelled(file.stat().st_size)}")


def _rebuild(store: Store, _: argparse.Namespace) -> None:
    def progress(done: int, spans: int) -> None:
        if sys.stderr.isatty():
            print(
                f"\r{done:,} of {spans:,} spans", end="\r\x1b[K" if done == spans else "", file=sys.stderr, flush=True
            )

    print(f"{maintenance.rebuild(store, progress):,} calls derived anew from the spans in {store.path}")
