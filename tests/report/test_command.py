from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firsttoken_dashboard import cli
from tests.advisor.traffic import CHAT, ROOT, Line, Traffic


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store in which a server makes its readers wait."""
    traffic = Traffic(resource={"firsttoken.simulated": "true"})
    for _ in range(30):
        with traffic.request():
            traffic.call(CHAT, output_tokens=600)
    return traffic.store(tmp_path).path


def report(store: Path, *words: str) -> int:
    return cli.main(["report", "--store", str(store), "--source-root", str(ROOT), *words])


def test_prints_what_to_change_and_where(store: Path, capsys: pytest.CaptureFixture[str]):
    assert report(store) == 0

    printed = capsys.readouterr()
    assert "app/chat.py:31 in answer" in printed.out
    assert "stream-responses" in printed.out
    assert "Simulated" in printed.out
    assert not printed.err


def test_json_is_one_document(store: Path, capsys: pytest.CaptureFixture[str]):
    assert report(store, "--format", "json") == 0

    document = json.loads(capsys.readouterr().out)
    assert "stream-responses" in [one["rule"] for one in document["findings"]]
    assert document["simulated"] is True


def test_a_report_goes_into_a_file(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert report(store, "--format", "markdown", "--output", str(tmp_path / "report.md")) == 0

    assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith("# firsttoken report")
    assert not capsys.readouterr().out


def test_one_rule_alone_can_be_asked(store: Path, capsys: pytest.CaptureFixture[str]):
    assert report(store, "--format", "json", "--rule", "reuse-client") == 0

    document = json.loads(capsys.readouterr().out)
    assert not document["findings"]
    assert [one["rule"] for one in document["checked"]] == ["reuse-client"]


def test_an_empty_store_says_how_to_fill_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    traffic = Traffic()
    with traffic.request():
        traffic.idle(1)

    assert report(traffic.store(tmp_path).path) == 0

    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "opentelemetry-instrument" in said


def test_an_empty_window_says_to_widen_it(store: Path, capsys: pytest.CaptureFixture[str]):
    assert report(store, "--service", "nobody") == 0

    assert "--service" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--format", "json"], []], ids=["json", "terminal"])
def test_no_store_is_one_sentence_and_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]):
    assert report(tmp_path / "none.duckdb", *words) == 3

    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err.count("\n") == 1


def test_a_file_that_is_no_store_is_one_sentence_and_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "notes.txt").write_text("not a database " * 1000)

    assert report(tmp_path / "notes.txt") == 3

    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [["--rule", "no-such-rule"], ["--since", "2026-11-02", "--until", "2026-11-01"], ["--models", "missing.toml"]],
)
def test_what_cannot_be_asked_is_one_sentence_and_exit_code_2(
    store: Path, capsys: pytest.CaptureFixture[str], words: list[str]
):
    assert report(store, *words) == 2

    assert capsys.readouterr().err.count("\n") == 1


def test_a_settings_file_that_is_wrong_is_one_sentence(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "firsttoken.toml").write_text("[sites")

    assert cli.main(["report", "--store", str(store), "--source-root", str(tmp_path)]) == 2

    assert "firsttoken.toml" in capsys.readouterr().err


def test_prints_on_a_terminal_that_knows_only_ascii(store: Path):
    done = subprocess.run(
        [sys.executable, "-m", "firsttoken_dashboard.cli", "report", "--store", str(store)],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "NO_COLOR": "1"},
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert b"stream-responses" in done.stdout
    assert done.stdout.isascii()


@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "json", "sarif", "junit"])
def test_hostile_spans_come_out_harmless_in_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str):
    evil = "\x1b[2J\u202e<script>alert(1)</script>'; DROP TABLE calls; --" + "x" * 2_000
    traffic = Traffic(service=evil)
    for number in range(30):
        with traffic.request(evil):
            traffic.call(Line(f"/srv/shop/{evil}.py", 3, evil), output_tokens=400 + 20 * number)

    assert report(traffic.store(tmp_path).path, "--format", form) == 0

    printed = capsys.readouterr().out
    assert "stream-responses" in printed
    assert "\x1b[2J" not in printed
    assert "\u202e" not in printed
    assert "<script>" not in printed or form in {"terminal", "json", "sarif"}
    assert len(printed) < 200_000
