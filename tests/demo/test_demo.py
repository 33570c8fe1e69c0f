"""`firsttoken demo`, as a newcomer runs it: every planted fault is found at its line, and nothing else is."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from firsttoken import store as stores
from firsttoken_dashboard import cli
from firsttoken_dashboard.demo.lineup import LINEUP, App, sources
from firsttoken_dashboard.demo.place import clear, place

FIRSTTOKEN = [sys.executable, "-m", "firsttoken_dashboard.cli"]
FAULTY = [app for app in LINEUP if app.rule]


class Shown(NamedTuple):
    """What one run of the demo left: its output, its store, its report as a program reads it."""

    output: str
    store: Path
    report: dict[str, Any]
    seconds: float


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    store = tmp_path_factory.mktemp("demo") / "shown.duckdb"
    began = time.monotonic()
    run = subprocess.run(
        [*FIRSTTOKEN, "demo", "--no-dashboard", "--seed", "1", "--store", str(store)],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        # A user's own settings must not reach the applications: these would send their calls and spans elsewhere.
        env={
            **os.environ,
            "HTTP_PROXY": "http://127.0.0.1:9",
            "ANTHROPIC_API_KEY": "sk-real",
            "OTEL_TRACES_EXPORTER": "console",
            "FIRSTTOKEN_STORE": "off",
        },
    )
    seconds = time.monotonic() - began
    assert run.returncode == 0, run.stderr
    report = subprocess.run(
        [*FIRSTTOKEN, "report", "--format", "json", "--store", str(store)], capture_output=True, check=True
    )
    return Shown(run.stdout, store, json.loads(report.stdout), seconds)


def test_the_first_recommendation_comes_within_a_minute(shown: Shown) -> None:
    assert shown.seconds < 60


def _fault_line(app: App, shown: Shown) -> int:
    source = shown.store.with_name("shown-apps") / f"{app.name}.py"
    lines = source.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip() == app.fault)


@pytest.mark.parametrize("app", FAULTY, ids=lambda app: app.name)
def test_each_fault_is_found_at_its_line_and_no_other_there(shown: Shown, app: App) -> None:
    service = app.name.replace("_", "-")
    found = [finding for finding in shown.report["findings"] if finding["service"] == service]
    places = [(finding["rule"], Path(finding["site"]["file"]).name, finding["site"]["line"]) for finding in found]
    assert places == [(app.rule, f"{app.name}.py", _fault_line(app, shown))]


def test_the_healthy_application_gets_neither_finding_nor_hint(shown: Shown) -> None:
    told = json.dumps([shown.report["findings"], shown.report.get("hints", [])])
    assert "museum-guide" not in told


def test_all_eight_rules_are_shown_and_the_slow_first_token_too(shown: Shown) -> None:
    assert len({finding["rule"] for finding in shown.report["findings"]}) == 8
    assert "Slow first token" in shown.output
    assert "contract_search.py" in shown.output.partition("Slow first token")[2]


def test_the_report_says_that_the_calls_are_simulated(shown: Shown) -> None:
    assert "imulated" in shown.output
    with stores.open(shown.store).read() as connection:
        (others,) = connection.execute(
            """SELECT count(*) FROM spans WHERE (resource ->> '$."firsttoken.simulated"') IS DISTINCT FROM 'true'"""
        ).fetchall()[0]
    assert others == 0


def test_every_call_that_was_sent_is_in_the_store(shown: Shown) -> None:
    with stores.open(shown.store).read() as connection:
        rows = connection.execute("SELECT service_name, count(*) FROM calls GROUP BY ALL").fetchall()
    assert {name: calls for name, calls in rows if calls < 24} == {}
    assert len(rows) == len(LINEUP)


def test_each_application_is_short_and_says_nothing_of_this_project() -> None:
    for path in {*sources(), *sources(fixed=True)}:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 60
        assert "firsttoken" not in text


def _refusal(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = cli.main(["demo", *words])
    return code, capsys.readouterr().err


def test_a_store_with_real_calls_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = stores.open(tmp_path / "mine.duckdb")
    store.append([_span(simulated=False)])
    code, said = _refusal(capsys, "--no-dashboard", "--store", str(store.path))
    assert (code, said.count("\n")) == (2, 1)
    assert "real application" in said
    assert store.path.exists()


def test_a_file_that_is_no_store_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear all,", encoding="utf-8")
    code, said = _refusal(capsys, "--no-dashboard", "--store", str(path))
    assert (code, said.count("\n")) == (3, 1)
    assert path.read_text(encoding="utf-8") == "Dear all,"


def test_a_busy_port_is_one_sentence_before_anything_is_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = _refusal(capsys, "--port", str(port), "--store", str(tmp_path / "new.duckdb"))
    assert (code, said.count("\n")) == (2, 1)
    assert "in use" in said


def test_a_missing_extra_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "anthropic", None)
    code, said = _refusal(capsys, "--no-dashboard", "--store", str(tmp_path / "new.duckdb"))
    assert (code, said.count("\n")) == (2, 1)
    assert 'pip install "firsttoken[dashboard]"' in said


def test_ctrl_c_ends_the_applications_too_without_a_traceback(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [*FIRSTTOKEN, "demo", "--no-dashboard", "--store", str(tmp_path / "interrupted.duckdb")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout
    assert "answers on" in demo.stdout.readline()
    log = tmp_path / "interrupted-apps" / f"{LINEUP[0].name}.log"
    while not log.exists():
        time.sleep(0.05)
    time.sleep(1)
    demo.send_signal(signal.SIGINT)
    _, said = demo.communicate(timeout=15)
    assert demo.returncode == 130
    assert "Traceback" not in said
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(b"interrupted-apps" in words for words in running)


def test_a_demos_own_store_is_made_anew_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    at = place(str(tmp_path / "again.duckdb"))
    stores.open(at.store).append([_span(simulated=True)])
    (tmp_path / "another.duckdb").touch()
    clear(at)
    assert [path.name for path in tmp_path.iterdir()] == ["another.duckdb"]


def test_the_demo_keeps_off_the_default_store_and_beside_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIRSTTOKEN_STORE", str(tmp_path / "mine.duckdb"))
    at = place(None)
    assert at.store.parent.parent == tmp_path
    assert at.store.name != "mine.duckdb"


def _span(*, simulated: bool) -> stores.SpanRecord:
    now = time.time_ns()
    return stores.SpanRecord(
        trace_id="1" * 32,
        span_id="2" * 16,
        parent_span_id=None,
        name="chat",
        kind="CLIENT",
        start_time=now,
        end_time=now,
        status_code="UNSET",
        status_message=None,
        scope_name=None,
        scope_version=None,
        service_name="shop",
        resource='{"firsttoken.simulated": "true"}' if simulated else "{}",
        attributes="{}",
        events="[]",
        links="[]",
    )
