"""`firsttoken report`: what makes this application slow or dear, at which line, and what to change."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard import analysis, options, pricing
from firsttoken_dashboard.advisor import rules, verify
from firsttoken_dashboard.advisor.audit import audit
from firsttoken_dashboard.advisor.sites import SettingsError
from firsttoken_dashboard.options import CommandError
from firsttoken_dashboard.report import html, junit, machine, markdown, sarif, terminal, wording

if TYPE_CHECKING:
    from firsttoken_dashboard.advisor.findings import Audit

#: Columns of a report that goes to a file or a pipe, where COLUMNS does not say.
PLAIN_WIDTH: Final = 100


def _terminal(found: Audit) -> str:
    columns = shutil.get_terminal_size(fallback=(PLAIN_WIDTH, 24)).columns
    return terminal.render(found, terminal.Style.of(sys.stdout, columns))


FORMATS: Final[dict[str, Callable[[Audit], str]]] = {
    "terminal": _terminal,
    "markdown": markdown.render,
    "html": html.render,
    "json": machine.render,
    "sarif": sarif.render,
    "junit": junit.render,
}
#: For people: these say in words that there is nothing to report on.
_FOR_PEOPLE: Final = frozenset({"terminal", "markdown"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    options.add_store(parser)
    options.add_window(parser)
    parser.add_argument("--format", choices=tuple(FORMATS), default="terminal", help="(default: %(default)s)")
    parser.add_argument("--output", metavar="FILE", type=Path, help="write the report there instead of printing it")
    parser.add_argument(
        "--source-root",
        metavar="DIR",
        type=Path,
        help="show paths relative to it, and read its firsttoken.toml (default: this repository's root)",
    )
    parser.add_argument("--rule", metavar="ID", action="append", help="ask only this rule; may be repeated")
    parser.add_argument("--models", metavar="FILE", help="a TOML file laid over the packaged price list")


def run(args: argparse.Namespace) -> int:
    """Audit, and print or write the report; returns 0. Raises CommandError and StoreError."""
    found = _audited(args)
    if not found.n_calls and args.format in _FOR_PEOPLE:
        narrowed = args.since is not None or args.until is not None or args.service is not None
        text = f"{wording.NO_CALLS_IN_WINDOW if narrowed else wording.NO_CALLS}\n"
    else:
        text = FORMATS[args.format](found)
    if args.output is None:
        _print(text)
    else:
        args.output.write_text(text, encoding="utf-8")
    return 0


def _audited(args: argparse.Namespace) -> Audit:
    known = {name.replace("_", "-") for name in rules.NAMES}
    if args.rule and (unknown := sorted(set(args.rule) - known)):
        raise CommandError(f"there is no rule {unknown[0]!r}; there are {', '.join(sorted(known))}.")
    window: analysis.Window = options.window(args)
    store = options.open_store(args)
    progress = _Progress()
    try:
        prices = pricing.load(args.models)
        found = audit(store, window, source_root=args.source_root, prices=prices, only=args.rule, progress=progress.say)
        progress.say("What became of earlier findings")
        return verify.follow(store, found, service=window.service, prices=prices)
    except (SettingsError, pricing.PricesError) as error:
        raise CommandError(str(error)) from error
    finally:
        progress.done()


class _Progress:
    """One line on a terminal's stderr that is overwritten, and gone when the report comes."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def say(self, title: str) -> None:
        if self._shown:
            sys.stderr.write(f"\r\x1b[K{title} …")
            sys.stderr.flush()

    def done(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _print(text: str) -> None:
    """Print also where the terminal's encoding lacks a character: it becomes a question mark there."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
