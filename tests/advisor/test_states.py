"""What the user says of findings is kept in the store, readable with SQL, and heeded by reports."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from firsttoken.store import Store
from firsttoken_dashboard import cli
from firsttoken_dashboard.advisor import states, verify
from firsttoken_dashboard.advisor.audit import audit
from firsttoken_dashboard.advisor.findings import Audit
from firsttoken_dashboard.analysis import Window
from tests.advisor.traffic import CHAT, ROOT, Line, Traffic


def waiting(line: Line = CHAT, seed: int = 1) -> Traffic:
    """A site whose readers wait for whole answers."""
    traffic = Traffic(seed=seed)
    for _ in range(30):
        with traffic.request():
            traffic.call(at=line, output_tokens=600)
    return traffic


def followed(store: Store) -> Audit:
    return verify.follow(store, audit(store, Window(), source_root=ROOT, only=["stream-responses"]))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return waiting().store(tmp_path)


@pytest.fixture
def finding_id(store: Store) -> str:
    [finding] = followed(store).findings
    return finding.id


def test_what_is_found_is_recorded_as_open(store: Store, finding_id: str) -> None:
    row = states.load(store)[finding_id]

    assert (row.state, row.rule, row.site.function) == ("open", "stream-responses", "answer")


def test_the_states_are_readable_with_sql(store: Store, finding_id: str) -> None:
    states.dismiss(store, finding_id, "an internal page")

    with store.read() as con:
        rows = con.execute("SELECT id, state, dismissed_because, code_function FROM recommendations").fetchall()
    assert rows == [(finding_id, "dismissed", "an internal page", "answer")]


def test_a_dismissed_finding_is_counted_and_not_shown(store: Store, finding_id: str) -> None:
    states.dismiss(store, finding_id, "an internal page")

    found = followed(store)

    assert found.findings == []
    assert [one.id for one in found.set_aside] == [finding_id]
    assert found.total is None


def test_a_snoozed_finding_comes_back_when_the_time_is_over(store: Store, finding_id: str) -> None:
    now = states.now_utc()
    states.snooze(store, finding_id, now + timedelta(days=7))
    asked = audit(store, Window(), source_root=ROOT, only=["stream-responses"])

    assert verify.follow(store, asked, now=now).findings == []
    [back] = verify.follow(store, asked, now=now + timedelta(days=8)).findings
    assert back.state == "open"


@pytest.mark.usefixtures("finding_id")
def test_an_unknown_finding_is_refused(store: Store) -> None:
    with pytest.raises(states.UnknownFinding, match="firsttoken findings"):
        states.dismiss(store, "0000", "no")


def test_a_finding_keeps_its_state_when_lines_above_it_are_added(tmp_path: Path, finding_id: str) -> None:
    moved = waiting(CHAT._replace(line=CHAT.line + 40), seed=2).store(tmp_path, "moved.duckdb")

    assert [one.id for one in followed(moved).findings] == [finding_id]


def test_looking_again_writes_nothing_new(store: Store, finding_id: str) -> None:
    before = store.path.stat().st_mtime_ns
    followed(store)

    assert store.path.stat().st_mtime_ns == before
    assert list(states.load(store)) == [finding_id]


def test_the_command_sets_states_by_the_beginning_of_an_id(
    store: Store, finding_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("--store", str(store.path))

    assert cli.main(["findings", "dismiss", finding_id[:6], "--reason", "internal", *at]) == 0
    assert states.load(store)[finding_id].because == "internal"
    assert cli.main(["report", *at, "--source-root", str(ROOT), "--rule", "stream-responses"]) == 0
    assert "Not shown: 1 dismissed" in capsys.readouterr().out

    assert cli.main(["findings", "snooze", finding_id, "--for", "7d", *at]) == 0
    assert cli.main(["findings", "applied", finding_id, "--at", "2026-11-20T12:00", *at]) == 0
    assert states.load(store)[finding_id].applied_at == datetime(2026, 11, 20, 12)
    capsys.readouterr()
    assert cli.main(["findings", "list", "--format", "json", *at]) == 0
    [told] = json.loads(capsys.readouterr().out)["findings"]
    assert (told["id"], told["state"], told["measured"]) == (finding_id, "applied", None)

    assert cli.main(["findings", "reopen", finding_id, *at]) == 0
    assert states.load(store)[finding_id].state == "open"


@pytest.mark.usefixtures("finding_id")
@pytest.mark.parametrize(
    "words",
    [
        ("dismiss", "0000", "--reason", "x"),
        ("dismiss", "0000", "--reason", " "),
        ("snooze", "0000", "--until", "2020-01-01"),
    ],
)
def test_what_cannot_be_said_is_one_sentence(
    store: Store, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["findings", *words, "--store", str(store.path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
