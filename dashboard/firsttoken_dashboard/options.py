"""Options that several commands share, and the error with which a command refuses.

Times on the command line are UTC, as they are in the store, unless they carry an offset.
"""

from __future__ import annotations

import argparse
import os
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from firsttoken.store import Store
    from firsttoken_dashboard.analysis import Window

EXIT_OVER_BUDGET: Final = 1
EXIT_USAGE: Final = 2
EXIT_STORE: Final = 3

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_KEEP_CONTENT_VARIABLE: Final = "FIRSTTOKEN_KEEP_CONTENT"
_SIZE: Final = re.compile(r"\d+(\.\d+)?\s?[KMGT]i?B", re.IGNORECASE)
_SPAN: Final = re.compile(r"(\d+)([smhdw])")


class CommandError(Exception):
    """A command cannot do what was asked; the text is one sentence that says what to do instead."""

    def __init__(self, sentence: str, exit_code: int = EXIT_USAGE) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add `--store` and `--memory-limit`, which `open_store` reads."""
    parser.add_argument(
        "--store",
        metavar="URI",
        help="the store's DuckDB file (default: $FIRSTTOKEN_STORE, else firsttoken.duckdb in your user data directory)",
    )
    parser.add_argument(
        "--memory-limit",
        metavar="SIZE",
        default="2GB",
        help="what the database may use at most (default: %(default)s)",
    )


def open_store(args: argparse.Namespace, *, threads: int | None = None) -> Store:
    """Open the store that `add_store`'s options name; nothing is read or written yet.

    Args:
        args: the parsed options.
        threads: of DuckDB, for a command that needs the other cores itself.

    Raises:
        StoreError: they name none, or it is switched off.
    """
    from firsttoken import store

    if _SIZE.fullmatch(args.memory_limit) is None:
        raise CommandError(f"--memory-limit {args.memory_limit!r} is no size: write 512MB or 4GB.")
    return store.open(args.store, memory_limit=args.memory_limit, threads=threads)


def add_keep_content(parser: argparse.ArgumentParser) -> None:
    """Add `--keep-content`, which `heed_keep_content` acts on."""
    parser.add_argument(
        "--keep-content",
        action="store_true",
        help="store prompts and answers too, where the senders record them (default: dropped)",
    )


def heed_keep_content(args: argparse.Namespace) -> None:
    """Tell the store's filter, before the first span, what `--keep-content` said."""
    if args.keep_content:
        os.environ[_KEEP_CONTENT_VARIABLE] = "1"


def add_window(parser: argparse.ArgumentParser) -> None:
    """Add `--since`, `--until` and `--service`, which `window` turns into what analyses take."""
    group = parser.add_argument_group("which calls")
    group.add_argument(
        "--since",
        metavar="WHEN",
        type=moment,
        help="calls that began then or later: 30m, 24h, 7d, 2026-11-01 or 2026-11-01T09:30 (UTC)",
    )
    group.add_argument("--until", metavar="WHEN", type=moment, help="calls that began before then; same forms")
    group.add_argument("--service", metavar="NAME", help="calls of this service.name only")


def window(args: argparse.Namespace) -> Window:
    """Make the window that `add_window`'s options describe; an empty one is refused."""
    from firsttoken_dashboard.analysis import Window  # commands that only write never need it

    since: datetime | None = args.since
    until: datetime | None = args.until
    if since is not None and until is not None and since >= until:
        raise CommandError(f"--since {since:%Y-%m-%dT%H:%M:%S} is not before --until {until:%Y-%m-%dT%H:%M:%S}.")
    return Window(since=since, until=until, service=args.service)


def moment(text: str) -> datetime:
    """Read `24h`, `2026-11-01` or an ISO 8601 time as a naive UTC datetime; for argparse's `type`."""
    now = datetime.now(timezone.utc)
    try:
        then = now - duration(text) if _SPAN.fullmatch(text) else datetime.fromisoformat(_offset_spelled(text))
        if then.tzinfo is None:
            return then
        return then.astimezone(timezone.utc).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: write 30m, 24h, 7d, 2026-11-01 or 2026-11-01T09:30"
        ) from None


def duration(text: str) -> timedelta:
    """Read `90s`, `30m`, `24h`, `7d` or `2w`; for argparse's `type`."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time: write 30m, 24h, 7d or 2w")
    number, unit = match.groups()
    return timedelta(**{_UNITS[unit]: int(number)})


def _offset_spelled(text: str) -> str:
    """Write a final `Z` as an offset, which Python 3.10 does not read."""
    return f"{text[:-1]}+00:00" if text.endswith(("Z", "z")) else text


def port(text: str) -> int:
    """Read a TCP port; 0 means any that is free. For argparse's `type`."""
    if text.isdecimal() and int(text) < 2**16:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 0 to 65535")
