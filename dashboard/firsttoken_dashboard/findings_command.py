"""`firsttoken findings`: what became of each finding, and what you say of it: applied, dismissed, snoozed."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard import options
from firsttoken_dashboard.advisor import states
from firsttoken_dashboard.advisor.followed import Followed
from firsttoken_dashboard.advisor.sites import source_root
from firsttoken_dashboard.options import CommandError
from firsttoken_dashboard.report import following, wording

if TYPE_CHECKING:
    from collections.abc import Callable

    from firsttoken.store import Store

_NONE: Final = "No findings are recorded yet: `firsttoken report` records what it finds."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be done, each with its own options."""
    actions = parser.add_subparsers(title="what to do", metavar="ACTION", required=True)
    listing = _action(
        actions.add_parser("list", help="every finding, its state and what it was measured to save"), _list
    )
    listing.add_argument("--format", choices=("terminal", "json"), default="terminal", help="(default: %(default)s)")
    applied = _action(actions.add_parser("applied", help="the change was made: measure what it saves"), _applied, "ID")
    applied.add_argument("--at", metavar="WHEN", type=options.moment, help="when: 2h (ago), 2026-11-01T09:30 (UTC)")
    dismiss = _action(actions.add_parser("dismiss", help="do not show it again"), _dismiss, "ID")
    dismiss.add_argument("--reason", metavar="TEXT", required=True, help="why it does not apply here")
    snooze = _action(actions.add_parser("snooze", help="do not show it for a while"), _snooze, "ID")
    length = snooze.add_mutually_exclusive_group(required=True)
    length.add_argument("--for", dest="length", metavar="TIME", type=options.duration, help="for so long: 12h, 7d, 2w")
    length.add_argument("--until", metavar="WHEN", type=options.moment, help="until then (UTC): 2026-12-01")
    _action(actions.add_parser("reopen", help="take back what was said of it"), _reopen, "ID")


def run(args: argparse.Namespace) -> int:
    """Do what was chosen; returns 0. Raises CommandError, StoreError."""
    chosen: Callable[[Store, argparse.Namespace], None] = args.action
    try:
        chosen(options.open_store(args), args)
    except states.UnknownFinding as error:
        raise CommandError(str(error)) from error
    return 0


def _action(
    parser: argparse.ArgumentParser, action: Callable[[Store, argparse.Namespace], None], *positional: str
) -> argparse.ArgumentParser:
    options.add_store(parser)
    for name in positional:
        parser.add_argument(name.lower(), metavar=name, help="the finding's id, or its beginning")
    parser.set_defaults(action=action)
    return parser


def _list(store: Store, args: argparse.Namespace) -> None:
    known = states.load(store).values()
    root = source_root()
    if args.format == "json":
        print(json.dumps({"findings": [following.document(one, root) for one in known]}, indent=2))
        return
    if not known:
        print(_NONE)
    for one in known:
        print(f"{one.id}  {one.standing(states.now_utc()):<13}  {one.rule}")
        print(f"              {wording.clean(one.site.label(root))}")
        if (more := following.told(one)) is not None:
            print(f"              {more}")


def _applied(store: Store, args: argparse.Namespace) -> None:
    _say(states.apply(store, args.id, args.at), "applied; `firsttoken report` measures what it saves")


def _dismiss(store: Store, args: argparse.Namespace) -> None:
    reason: str = args.reason.strip()
    if not reason:
        message = "--reason is empty: say why the finding does not apply here."
        raise CommandError(message)
    _say(states.dismiss(store, args.id, reason), "dismissed")


def _snooze(store: Store, args: argparse.Namespace) -> None:
    now = states.now_utc()
    until = args.until if args.length is None else now + args.length
    if until <= now:
        message = f"--until {until:%Y-%m-%dT%H:%M} has passed already."
        raise CommandError(message)
    _say(states.snooze(store, args.id, until), f"snoozed until {until:%Y-%m-%d %H:%M} UTC")


def _reopen(store: Store, args: argparse.Namespace) -> None:
    _say(states.reopen(store, args.id), "open again")


def _say(one: Followed, what: str) -> None:
    print(f"{one.rule} at {wording.clean(one.site.label(source_root()))}: {what}.")
