"""Each command is listed, helped, documented; what goes wrong is one sentence and an exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType

import pytest

import firsttoken
from firsttoken.store import StoreError
from firsttoken_dashboard import cli, options
from firsttoken_dashboard.cli import COMMANDS, Command, main
from tests.project.repository import text

PLAIN = ("report", "findings", "compare", "doctor", "import", "store", "models")


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "firsttoken_dashboard.cli", *words],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_has_help_with_its_examples(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command.name, "--help"])

    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert command.summary.lower() in re.sub(r"\s+", " ", said).lower()
    assert all(example in said for example in command.examples)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_example_is_understood_by_its_parser(command: Command) -> None:
    for example in command.examples:
        words = example.split(f"firsttoken {command.name}")[1].split()
        cli.command_parser(command).parse_args(words)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_is_in_the_readme(command: Command) -> None:
    assert f"| `firsttoken {command.name}` |" in text("README.md")


def test_help_lists_every_command_and_the_readme_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0

    said = capsys.readouterr().out
    assert all(re.search(rf"^  {command.name} ", said, re.MULTILINE) for command in COMMANDS)
    documented = re.findall(r"^\| `firsttoken ([a-z]+)` \|", text("README.md"), re.MULTILINE)
    assert sorted(documented) == sorted(command.name for command in COMMANDS)


def test_each_command_that_touches_a_store_takes_store() -> None:
    for command in COMMANDS:
        if command.name not in {"models", "doctor", "store", "findings"}:
            assert "--store" in cli.command_parser(command).format_help(), command.name


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])

    assert capsys.readouterr().out == f"firsttoken {firsttoken.__version__}\n"


def test_a_mistyped_command_is_told_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["reprot"])

    assert ended.value.code == 2
    assert "did you mean `firsttoken report`?" in capsys.readouterr().err


class Fails(ModuleType):
    """A command that ends with an error."""

    def __init__(self, error: BaseException) -> None:
        super().__init__("fails")
        self.error = error

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--flag", action="store_true")

    def run(self, _: Namespace) -> int:
        raise self.error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (StoreError("The store is gone."), 3, "firsttoken models: The store is gone.\n"),
        (options.CommandError("Say which."), 2, "firsttoken models: Say which.\n"),
        (options.CommandError("Over budget.", 1), 1, "firsttoken models: Over budget.\n"),
        (PermissionError(13, "Permission denied", "out.json"), 2, "firsttoken models: out.json: Permission denied\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_are_one_sentence_and_an_exit_code(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "firsttoken_dashboard.pricing.command", Fails(error))

    assert main(["models"]) == code
    assert capsys.readouterr().err == said


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    for name in [name for name in sys.modules if name.startswith("firsttoken_dashboard.receive")]:
        monkeypatch.delitem(sys.modules, name)

    assert main(["receive"]) == 2
    assert 'pip install "firsttoken[dashboard]"' in capsys.readouterr().err


def test_a_reader_that_goes_away_ends_the_command_quietly() -> None:
    command = f"{sys.executable} -m firsttoken_dashboard.cli models | true; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=60)

    assert ended.stderr == b""
    assert ended.returncode in {0, cli.EXIT_BROKEN_PIPE}


def test_a_wrong_store_is_one_sentence(tmp_path: Path) -> None:
    missing = run("report", "--store", str(tmp_path / "none.duckdb"))
    foreign = tmp_path / "letter.txt"
    foreign.write_text("Dear reader, " * 1000)
    no_store = run("report", "--store", str(foreign))

    for ended in (missing, no_store):
        assert ended.returncode == 3
        assert ended.stderr.startswith("firsttoken report: ")
        assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-01", datetime(2026, 11, 1)),
        ("2026-11-01T09:30", datetime(2026, 11, 1, 9, 30)),
        ("2026-11-01T09:30:00Z", datetime(2026, 11, 1, 9, 30)),
        ("2026-11-01T09:30:00+02:00", datetime(2026, 11, 1, 7, 30)),
    ],
)
def test_times_are_utc_unless_they_carry_an_offset(written: str, read: datetime) -> None:
    assert options.moment(written) == read


def test_a_length_of_time_counts_back_from_now() -> None:
    now = datetime.now(timezone.utc).replace(tzinfo=None)

    assert abs(options.moment("24h") - (now - timedelta(hours=24))) < timedelta(seconds=5)


@pytest.mark.parametrize("nonsense", ["", "24", "yesterday", "2026-13-01", "9999999999w"])
def test_what_is_no_time_is_a_usage_error(nonsense: str) -> None:
    with pytest.raises(ArgumentTypeError):
        options.moment(nonsense)


def test_an_empty_window_is_refused(tmp_path: Path) -> None:
    ended = run("report", "--since", "2026-11-02", "--until", "2026-11-01", "--store", str(tmp_path / "s.duckdb"))

    assert ended.returncode == 2
    assert "is not before" in ended.stderr
