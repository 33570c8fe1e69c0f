"""What takes long is made beside the pages, kept, and said to be wrong where it is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import firsttoken.store
from firsttoken_dashboard.analysis import Window, overview
from firsttoken_dashboard.app import audit_process, auditing, later
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.reading import Reader
from tests.dashboard.conftest import span


def test_a_process_beside_gives_the_answer_that_this_one_would_and_tells_how_far_it_is(simulated: Path):
    heard: list[str] = []
    store = firsttoken.store.open(simulated)
    beside = audit_process.made_beside(simulated, Window(), heard.append)
    here = audit_process.made_here(store, Window(), lambda _: None)
    assert [one.id for one in beside.audit.findings] == [one.id for one in here.audit.findings]
    assert beside.audit.total == here.audit.total
    assert len(heard) > 10


def test_a_process_that_cannot_read_the_store_says_why(tmp_path: Path):
    notes = tmp_path / "notes.duckdb"
    notes.write_text("not a database")
    with pytest.raises(audit_process.AuditFailed, match="is not a DuckDB file"):
        audit_process.made_beside(notes, Window(), lambda _: None)


def test_an_audit_gives_the_file_back_to_writers_when_its_time_is_over(
    simulated: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(audit_process, "LIMIT_S", 0.1)
    with pytest.raises(audit_process.AuditFailed, match=r"took over .* choose a shorter window"):
        audit_process.made_beside(simulated, Window(), lambda _: None)


def chosen(*, live: bool) -> Chosen:
    return Chosen("all", Window(), None, "day", live)


def test_a_paused_page_keeps_the_audit_it_has(tmp_path: Path):
    store = firsttoken.store.open(tmp_path / "x.duckdb")
    store.append([span(number) for number in range(25)])
    with Reader(store) as reader:
        standing = auditing.audit(reader, chosen(live=False))
        assert standing.done is None or standing.done.wait(20)
        first = auditing.audit(reader, chosen(live=False)).audit
    assert first is not None
    assert first.n_calls == 25
    store.append([span(100)])
    with Reader(store) as reader:
        again = auditing.audit(reader, chosen(live=False))
    assert again.done is None
    assert again.audit is not None
    assert again.audit.n_calls == 25


def test_an_answer_is_made_once_and_again_when_the_store_has_changed(tmp_path: Path):
    store = firsttoken.store.open(tmp_path / "x.duckdb")
    store.append([span(1)])
    made: list[int] = []

    def make() -> int:
        with Reader(store) as own:
            made.append(own.ask(overview.extent).n_calls)
        return made[-1]

    def asked() -> int | None:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with Reader(store) as reader:
                standing = later.answer(reader, "n", make, kept_s=0)
            if standing.done is None or standing.done.is_set():
                return standing.answer
        return None

    assert asked() == 1
    assert asked() == 1
    assert made == [1]
    store.append([span(2)])
    asked()
    assert asked() == 2


def test_an_answer_that_cannot_be_made_says_so_and_is_not_asked_for_at_once(tmp_path: Path):
    store = firsttoken.store.open(tmp_path / "x.duckdb")
    store.append([span(1)])
    asked: list[int] = []

    def fail() -> int:
        asked.append(1)
        raise firsttoken.store.StoreError("the store went away.")

    def ask() -> later.Standing[int]:
        with Reader(store) as reader:
            return later.answer(reader, "fails", fail, kept_s=60)

    first = ask()
    assert first.done is None or first.done.wait(5)
    assert ask().answer is None
    assert ask().wrong == "the store went away."
    assert len(asked) == 1
