"""`firsttoken …`: which command is meant, and how its end is told to the shell.

A command's own module is imported only when that command runs, so `firsttoken report` neither pays for Streamlit
nor needs it installed. Each such module has `add_arguments(parser)` and `run(args) -> int`.

Exit codes: 0 good, 1 over budget, 2 usage, 3 store, 130 interrupted, 141 the reader of the output went away.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

from firsttoken_dashboard.options import EXIT_STORE, EXIT_USAGE, CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_INTERRUPTED: Final = 130
EXIT_BROKEN_PIPE: Final = 141


@dataclass(frozen=True, slots=True)
class Command:
    """One word after `firsttoken`: where it lives, what it says in `--help`, which extra of the package it needs."""

    name: str
    module: str
    summary: str
    examples: tuple[str, ...]
    extra: str | None = None


class CommandModule(Protocol):
    """What the module of a command offers."""

    def add_arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Declare the command's arguments."""
        ...

    def run(self, args: argparse.Namespace, /) -> int:
        """Do the work and return the exit code."""
        ...


COMMANDS: Final = (
    Command(
        "demo",
        "firsttoken_dashboard.demo.command",
        "see it work: a simulated Claude API, sample applications with faults, the report, the dashboard",
        ("firsttoken demo", "firsttoken demo --no-dashboard --seed 7"),
        extra="dashboard",
    ),
    Command(
        "dashboard",
        "firsttoken_dashboard.app.command",
        "open the dashboard over the store",
        ("firsttoken dashboard", "firsttoken dashboard --store ./calls.duckdb --port 8600 --no-browser"),
        extra="dashboard",
    ),
    Command(
        "report",
        "firsttoken_dashboard.report.command",
        "what makes this application slow or dear, at which line, and what to change",
        ("firsttoken report", "firsttoken report --since 24h --service checkout", "firsttoken report --format json"),
    ),
    Command(
        "check",
        "firsttoken_dashboard.budgets",
        "fail a build when calls are slower, dearer or more faulty than a budget allows",
        ("firsttoken check --budget budgets.toml", "firsttoken check --budget budgets.toml --since 1h"),
    ),
    Command(
        "findings",
        "firsttoken_dashboard.findings_command",
        "what became of each finding; mark it as applied, dismiss it, snooze it",
        (
            "firsttoken findings list",
            "firsttoken findings applied 3f2a",
            "firsttoken findings snooze 3f2a --for 7d",
            "firsttoken findings dismiss 3f2a --reason internal",
        ),
    ),
    Command(
        "compare",
        "firsttoken_dashboard.compare_command",
        "two windows, versions or stores, call site by call site, with intervals",
        (
            "firsttoken compare 2026-11-01/2026-11-08 2026-11-08/2026-11-15",
            "firsttoken compare version:1.4.0 version:1.5.0 --service shop",
            "firsttoken compare ./monday.duckdb ./tuesday.duckdb --format json",
        ),
    ),
    Command(
        "doctor",
        "firsttoken_dashboard.doctor",
        "what is instrumented, exported and stored here, and why not",
        ("firsttoken doctor", "firsttoken doctor -- python app.py"),
    ),
    Command(
        "receive",
        "firsttoken_dashboard.receive.command",
        "take spans from any OpenTelemetry exporter or collector (OTLP over HTTP and gRPC)",
        ("firsttoken receive", "firsttoken receive --host 0.0.0.0 --token $TOKEN --store /data/firsttoken.duckdb"),
        extra="dashboard",
    ),
    Command(
        "import",
        "firsttoken_dashboard.import_files",
        "read files of spans: a collector's JSON lines, OTLP JSON, OTLP protobuf",
        ("firsttoken import traces.jsonl", "zcat traces.jsonl.gz | firsttoken import -"),
        extra="dashboard",
    ),
    Command(
        "simulate",
        "firsttoken_dashboard.simulate",
        "fill a store with plausible calls, to try the dashboard at size",
        ("firsttoken simulate --calls 100000 --days 30 --store ./big.duckdb",),
        extra="dashboard",
    ),
    Command(
        "mcp",
        "firsttoken_dashboard.mcp",
        "serve the findings to coding agents and editors (Model Context Protocol, on stdin and stdout)",
        ("firsttoken mcp", "firsttoken mcp --store ./calls.duckdb --source-root ."),
        extra="mcp",
    ),
    Command(
        "models",
        "firsttoken_dashboard.pricing.command",
        "the models, prices and limits that costs are reckoned with",
        ("firsttoken models",),
    ),
    Command(
        "store",
        "firsttoken_dashboard.store_command",
        "look at the store, make it smaller, take a copy, derive the calls anew",
        ("firsttoken store info", "firsttoken store prune --older-than 7d", "firsttoken store export ./copy"),
    ),
)

_DESCRIPTION: Final = (
    "Finds out why an application that calls Claude is slow or dear, at which line, what to change, "
    "and what that saves."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. Errors that a user can mend are one sentence on stderr."""
    words = list(sys.argv[1:] if argv is None else argv)
    top = _top_parser()
    if not words or words[0].startswith("-"):
        top.parse_args(words)
        top.print_help()
        return 0
    command = next((each for each in COMMANDS if each.name == words[0]), None)
    if command is None:
        near = difflib.get_close_matches(words[0], [each.name for each in COMMANDS], n=1)
        hint = f"did you mean `firsttoken {near[0]}`?" if near else "`firsttoken --help` lists them."
        top.error(f"there is no command {words[0]!r}: {hint}")
    return _guarded(command, words[1:])


def command_parser(command: Command) -> argparse.ArgumentParser:
    """Make the parser of one command; imports the command's module."""
    module = _module(command)
    parser = argparse.ArgumentParser(
        prog=f"firsttoken {command.name}",
        description=f"{command.summary[0].upper()}{command.summary[1:]}.",
        epilog=_indented("examples:", command.examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return parser


def _guarded(command: Command, words: list[str]) -> int:
    """Run the command, and turn the errors that a user can mend into one sentence and an exit code."""
    try:
        code = _run(command, words)
        # Output that still sits in the buffer would fail after the last handler, with a traceback.
        sys.stdout.flush()
    except CommandError as error:
        return _refuse(command, str(error), error.exit_code)
    except ModuleNotFoundError as error:
        if command.extra is None or (error.name or "").partition(".")[0] in {"firsttoken", "firsttoken_dashboard"}:
            raise
        sentence = f'a plain install lacks {error.name} for this: pip install "firsttoken[{command.extra}]"'
        return _refuse(command, sentence, EXIT_USAGE)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # As the Python manual advises: the interpreter flushes stdout once more at exit and must find it writable.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except OSError as error:
        return _refuse(command, _said(error), EXIT_USAGE)
    return code


def _run(command: Command, words: list[str]) -> int:
    args = command_parser(command).parse_args(words)
    # Only now: `--help` has no need of the store.
    from firsttoken.store import StoreError

    try:
        return _module(command).run(args)
    except StoreError as error:
        return _refuse(command, str(error), EXIT_STORE)


def _module(command: Command) -> CommandModule:
    return cast("CommandModule", importlib.import_module(command.module))


def _refuse(command: Command, sentence: str, code: int) -> int:
    print(f"firsttoken {command.name}: {sentence}", file=sys.stderr)
    return code


def _said(error: OSError) -> str:
    """Say a system error as `path: reason`, without its number."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename is not None else reason


def _top_parser() -> argparse.ArgumentParser:
    width = max(len(each.name) for each in COMMANDS)
    epilog = "\n\n".join(
        (
            _indented("commands:", [f"{each.name:<{width}}  {each.summary}" for each in COMMANDS]),
            _indented(
                "examples:",
                (
                    "firsttoken demo                                  see it work, nothing to configure",
                    "opentelemetry-instrument python app.py           record your application's calls",
                    "firsttoken report --since 24h                    what to change, biggest saving first",
                    "firsttoken dashboard                             the same, and every call, in a browser",
                    "firsttoken report --help                         what a command can do",
                ),
            ),
            "exit codes: 0 good, 1 over budget, 2 usage, 3 store",
        )
    )
    parser = argparse.ArgumentParser(
        prog="firsttoken",
        usage="firsttoken COMMAND [options]",
        description=_DESCRIPTION,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"firsttoken {_version()}")
    return parser


def _version() -> str:
    from firsttoken._version import __version__

    return __version__


def _indented(title: str, lines: Sequence[str]) -> str:
    return "\n".join((title, *(f"  {line}" for line in lines)))


if __name__ == "__main__":
    sys.exit(main())
