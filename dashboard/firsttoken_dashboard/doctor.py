"""`firsttoken doctor`: what is instrumented, exported and stored here, and why not."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import firsttoken.store
from firsttoken.store import StoreError, StoreMissing
from firsttoken_dashboard import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firsttoken.probe import Facts

State = Literal["ok", "note", "wrong"]

_SWITCHES: Final = ("FIRSTTOKEN_DISABLED", "OTEL_SDK_DISABLED")
_EXPORTER: Final = "DuckDBSpanExporter"
# What the program `opentelemetry-instrument` consists of, in the environment that firsttoken is installed in.
_INSTRUMENT: Final = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what it is, and, where it is not well, what to do."""

    subject: str
    state: State
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command to run, and how to tell what was found."""
    options.add_store(parser)
    parser.add_argument("--format", choices=("terminal", "json"), default="terminal", help="default: %(default)s")
    parser.add_argument(
        "command",
        metavar="COMMAND",
        nargs="*",
        help="after --: a program to run under opentelemetry-instrument, to see what of it is recorded",
    )


def run(args: argparse.Namespace) -> int:
    """Look, tell, and return 0 where calls are recorded here, else 3."""
    if args.store is not None:
        os.environ[firsttoken.store.location.ENVIRONMENT_VARIABLE] = args.store
    checks: list[Check] = []
    if args.command:
        checks += _recorded_of(args.command)
    checks += diagnose()
    if args.format == "json":
        print(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        _print(checks)
    return options.EXIT_STORE if any(check.state == "wrong" for check in checks) else 0


def diagnose() -> list[Check]:
    """Start a Python as `opentelemetry-instrument` would, ask it what is in force, and look at the store."""
    answer = subprocess.run(
        [sys.executable, "-c", _INSTRUMENT, sys.executable, "-m", "firsttoken.probe"],
        capture_output=True,
        text=True,
        check=False,
    )
    said = answer.stderr.strip().splitlines()
    try:
        facts = cast("Facts", json.loads(answer.stdout.strip().splitlines()[-1]))
    except (ValueError, IndexError):
        reason = said[-1] if said else f"it ended with status {answer.returncode}"
        return [Check("start", "wrong", f"Python does not start under opentelemetry-instrument: {reason}"), _store()]
    checks = [_packages(facts), _distribution(facts), _instrumentor(facts), _exporters(facts), _store(), _ending(facts)]
    if facts["variables"]:
        settings = ", ".join(f"{name}={value}" for name, value in facts["variables"].items())
        checks.append(Check("variables", "ok", settings))
    if said:
        checks.append(Check("messages", "note", f"while starting it wrote: {said[-1]}"))
    return checks


def _packages(facts: Facts) -> Check:
    versions = ", ".join(f"{package} {number}" for package, number in facts["versions"].items() if number)
    text = f"{facts['executable']} ({facts['python']}): {versions}"
    if facts["versions"]["anthropic"] is None:
        return Check("python", "note", f"{text}; anthropic is not installed here")
    return Check("python", "ok", text)


def _distribution(facts: Facts) -> Check:
    others = [each for each in facts["distributions"] if not each.startswith("firsttoken")]
    loaded = facts["distribution"]
    if not facts["instrumented"]:
        return Check(
            "distribution",
            "wrong",
            "another sitecustomize stands before OpenTelemetry's in PYTHONPATH; remove that directory from PYTHONPATH.",
        )
    if loaded.startswith("firsttoken"):
        return Check("distribution", "ok", "firsttoken: the store by default, your OTEL_ variables first")
    if others:
        return Check("distribution", "ok", f"{', '.join(others)} (installed here), so firsttoken's sets nothing")
    settings = facts["variables"].items()
    reasons = [f"{name}={value}" for name, value in settings if name in _SWITCHES or name == "OTEL_PYTHON_DISTRO"]
    return Check("distribution", "wrong", f"none, by {' and '.join(reasons) or 'an error while starting'}; unset it.")


def _instrumentor(facts: Facts) -> Check:
    others = [each for each in facts["instrumentations"] if "anthropic" in each and not each.startswith("firsttoken")]
    beside = f"; beside it {', '.join(others)}" if others else ""
    if facts["wrapped"] is None:
        return Check("instrumentor", "note", f"firsttoken waits for anthropic to be imported{beside}")
    if facts["wrapped"]:
        return Check("instrumentor", "ok", f"firsttoken: calls of anthropic are recorded{beside}")
    for name in (*_SWITCHES, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"):
        if name in facts["variables"]:
            return Check("instrumentor", "wrong", f"off, by {name}={facts['variables'][name]}; unset it.")
    return Check(
        "instrumentor", "wrong", "anthropic is not instrumented; this version's inner seams are not the known."
    )


def _exporters(facts: Facts) -> Check:
    exporters = facts["exporters"]
    if _EXPORTER in exporters:
        return Check("exporters", "ok", ", ".join(exporters))
    named = facts["variables"].get("OTEL_TRACES_EXPORTER")
    found = f"{', '.join(exporters)} only" if exporters else "none"
    if facts["variables"].get("FIRSTTOKEN_STORE", "").lower() == "off":
        return Check("exporters", "wrong", f"{found}: FIRSTTOKEN_STORE=off; unset it to record into the store.")
    if named is not None or facts["distributions"] != ["firsttoken.distro"]:
        wanted = ",".join(each for each in (named or "otlp", "duckdb") if each != "none")
        return Check("exporters", "wrong", f"{found}: set OTEL_TRACES_EXPORTER={wanted} to record into the store too.")
    return Check("exporters", "wrong", f"{found}: nothing goes to the store.")


def _ending(facts: Facts) -> Check:
    if facts["flushes_on_sigterm"]:
        return Check("ending", "ok", "flushed at exit, on SIGTERM and in forked workers")
    return Check("ending", "note", "flushed at exit; SIGTERM is left as it is")


def _store() -> Check:
    try:
        store = firsttoken.store.open()
        try:
            with store.read() as connection:
                found = connection.execute("SELECT count(*), max(start_time)::VARCHAR FROM calls").fetchone()
        except StoreMissing:
            return _store_to_come(store.path)
    except StoreError as error:
        return Check("store", "wrong", str(error))
    calls, last = cast("tuple[int, str | None]", found)
    return Check(
        "store", "ok", f"{store.path}: {_counted(calls, 'call')}" + (f", the last at {last[:19]} UTC" if last else "")
    )


def _store_to_come(path: Path) -> Check:
    there = next(each for each in path.parents if each.exists())
    if there.is_dir() and os.access(there, os.W_OK):
        return Check("store", "ok", f"{path}: made with the first call")
    return Check("store", "wrong", f"{path} cannot be made: {there} is no directory to write to; set FIRSTTOKEN_STORE.")


def _recorded_of(command: Sequence[str]) -> list[Check]:
    """Run the command as `opentelemetry-instrument` would, and count what of it is in the store."""
    program = shutil.which(command[0])
    if program is None:
        raise options.CommandError(
            f"there is no program {command[0]!r} on the PATH; give its whole path, such as {sys.executable}."
        )
    began = time.time_ns()
    process = subprocess.Popen([sys.executable, "-c", _INSTRUMENT, program, *command[1:]])
    while True:
        try:
            status = process.wait()
            break
        except KeyboardInterrupt:
            continue  # it was for the program, which ends in its own way
    checks = [_counts(began, f"{command[0]} ended with status {status}")]
    if Path(program).parent.resolve() != Path(sys.executable).parent.resolve():
        text = f"{program} is not of the environment of {sys.executable}, where firsttoken is installed"
        checks.append(Check("program", "note", text))
    return checks


def _counts(began: int, ended: str) -> Check:
    """Count what the store has since `began`, nanoseconds since the epoch."""
    question = """
        SELECT
            (SELECT count(*) FROM spans WHERE start_time >= make_timestamp_ns($began)),
            (SELECT count(*) FROM calls WHERE start_time >= make_timestamp_ns($began))
    """
    try:
        with firsttoken.store.open().read() as connection:
            found: Any = connection.execute(question, {"began": began}).fetchone()
    except StoreMissing:
        found = (0, 0)
    except StoreError as error:
        return Check("recorded", "wrong", f"{ended}; {error}")
    spans, calls = cast("tuple[int, int]", found)
    text = f"{ended}; {_counted(calls, 'call')} and {_counted(spans, 'span')} in all are in the store"
    return Check("recorded", "ok" if calls else "note", text)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _print(checks: Sequence[Check]) -> None:
    width = max(len(check.subject) for check in checks)
    for check in checks:
        print(f"{check.state:<5}  {check.subject:<{width}}  {check.text}")
    wrong = [check.subject for check in checks if check.state == "wrong"]
    print()
    if wrong:
        print(f"Calls are not recorded here: see {', '.join(wrong)}.")
    else:
        print("Calls made under `opentelemetry-instrument` are recorded here.")
