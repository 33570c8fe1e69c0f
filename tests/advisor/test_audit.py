from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from firsttoken import store as stores
from firsttoken_dashboard.advisor.audit import audit
from firsttoken_dashboard.analysis import Window
from tests.advisor.conftest import Ask
from tests.advisor.traffic import CHAT, OVERLOADED, ROOT, START, Line, Traffic


def healthy(calls: int = 60) -> Traffic:
    """A server that streams, through one client, short questions, few retries."""
    traffic = Traffic()
    for number in range(calls):
        with traffic.request():
            traffic.call(
                CHAT,
                model="claude-haiku-5-5",
                stream=True,
                output_tokens=180,
                input_tokens=300,
                client=("one", number + 1),
                failed=[OVERLOADED] if number == 20 else [],
                slept=0.4 if number == 20 else 0.0,
            )
        traffic.idle(traffic.luck.uniform(5, 60))
    return traffic


def test_a_healthy_application_gets_no_finding_and_no_hint(ask: Ask):
    found = ask(healthy())

    assert not found.findings
    assert not found.hints
    assert not found.slow_first_token
    assert {one.outcome for one in found.checked} <= {"good", "not judged"}


def test_the_biggest_saving_leads(ask: Ask):
    traffic = Traffic()
    for number in range(40):
        with traffic.request():
            traffic.call(CHAT, output_tokens=900)
            traffic.call(
                Line("/srv/shop/app/ask.py", 8, "ask"),
                stream=True,
                output_tokens=30,
                client=(f"c{number}", 1),
                construction=0.03,
            )

    assert [one.rule for one in ask(traffic, "stream-responses", "reuse-client").findings] == [
        "stream-responses",
        "reuse-client",
    ]


def test_no_calls_at_all_are_an_empty_audit(tmp_path: Path):
    traffic = Traffic()
    with traffic.request():
        traffic.idle(1)

    found = audit(traffic.store(tmp_path), Window(), source_root=ROOT)

    assert found.n_calls == 0
    assert not found.checked


def test_one_call_is_audited_without_a_finding(ask: Ask):
    traffic = Traffic()
    traffic.call(CHAT)

    found = ask(traffic)

    assert found.n_calls == 1
    assert not found.findings


def test_calls_that_all_failed_are_audited(ask: Ask):
    traffic = Traffic()
    for _ in range(30):
        traffic.call(CHAT, error="authentication_error", status=401)

    assert not ask(traffic).findings


def test_clocks_that_go_backwards_do_not_stop_the_audit(ask: Ask):
    traffic = Traffic()
    for number in range(40):
        traffic.call(CHAT, output_tokens=600)
        traffic.spans[-1] = traffic.spans[-1]._replace(end_time=traffic.spans[-1].start_time - number)

    assert ask(traffic).n_calls == 40


def test_calls_without_a_model_or_a_site_do_not_stop_the_audit(ask: Ask):
    traffic = Traffic()
    for _ in range(40):
        traffic.call(None, model=None, without=["firsttoken.prompt.blocks", "firsttoken.client.id"])

    assert not ask(traffic).findings


def test_the_window_and_the_service_narrow_the_audit(tmp_path: Path):
    traffic = healthy(40)
    store = traffic.store(tmp_path)

    assert audit(store, Window(since=START + timedelta(days=1)), source_root=ROOT).n_calls == 0
    assert audit(store, Window(service="shop"), source_root=ROOT).n_calls == 40
    assert audit(store, Window(service="other"), source_root=ROOT).n_calls == 0


def test_what_the_demo_made_is_known_as_simulated(ask: Ask):
    traffic = healthy()
    traffic.resource["firsttoken.simulated"] = "true"
    traffic.call(CHAT)

    assert ask(traffic, "reuse-client").simulated


def test_a_store_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(stores.StoreMissing):
        audit(stores.open(tmp_path / "none.duckdb"), Window(), source_root=ROOT)


def test_rules_that_pass_over_calls_without_a_model_say_so(ask: Ask):
    traffic = Traffic()
    for number in range(30):
        traffic.call(model=None if number % 3 == 0 else "claude-opus-5")

    notes = {one.rule: one.note for one in ask(traffic).checked if one.outcome != "not judged"}

    assert notes.pop("reuse-client") == ""
    assert all("only 20 of 30 calls carry gen_ai.request.model" in note for note in notes.values())


def test_rules_that_need_the_model_do_not_call_good_what_has_none(ask: Ask):
    traffic = Traffic()
    for _ in range(30):
        traffic.call(model=None)

    found = ask(traffic, "handle-overload", "enable-prompt-caching")

    assert [one.outcome for one in found.checked] == ["not judged"] * 2
    assert all("gen_ai.request.model" in one.note for one in found.checked)


def test_a_busy_site_is_told_from_whole_traces_that_stand_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of 400 calls about 100 are looked at; the figures are those of 400."""
    traffic = Traffic()
    for number in range(400):
        with traffic.request():
            line = f"{number:016x}"
            traffic.call(
                CHAT, model="claude-sonnet-5-5", input_tokens=400, output_tokens=40, firsttoken__request__hash=line
            )
        traffic.idle(5)
    store = traffic.store(tmp_path)
    [every] = audit(store, Window(), source_root=ROOT, only=["use-smaller-model"]).findings

    monkeypatch.setattr("firsttoken_dashboard.advisor.audit.MOST_CALLS", 100)
    some = audit(store, Window(), source_root=ROOT, only=["use-smaller-model"])

    [drawn] = some.findings
    n = drawn.evidence["n"]
    assert isinstance(n, int)
    assert 60 < n < 140
    assert (every.evidence["n"], drawn.evidence["calls_in_all"], some.n_calls) == (400, 400, 400)
    whole, part = every.saving.usd_per_month, drawn.saving.usd_per_month
    assert whole is not None
    assert part is not None
    assert part.expected == pytest.approx(whole.expected, rel=0.05)
