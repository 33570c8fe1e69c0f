"""Recall and precision on applications whose faults are known; `python -m benchmarks.corpus.run` prints the table."""

from __future__ import annotations

from pathlib import Path

from benchmarks.corpus.application import ALL
from benchmarks.corpus.run import played, score

from firsttoken import store as stores
from firsttoken_dashboard.advisor import rules
from firsttoken_dashboard.advisor.audit import audit
from firsttoken_dashboard.analysis import Window

SEED = 1


def test_faults_are_found_and_nothing_else_and_healthy_applications_are_left_alone(tmp_path: Path) -> None:
    outcomes = played([SEED], tmp_path, together=True)
    total = score(outcomes)
    assert total.recall >= 0.95, [(one.application.name, one.missed) for one in outcomes if one.missed]
    assert total.precision >= 0.95, [(one.application.name, one.wrong) for one in outcomes if one.wrong]
    assert total.on_silent == 0
    assert len(outcomes) == len(ALL)


def test_each_rule_has_a_plain_and_a_hard_application_and_thirty_there_are() -> None:
    known = {name.replace("_", "-") for name in rules.NAMES}
    for kind in ("plain", "hard"):
        assert {rule for one in ALL if one.kind == kind for rule, _ in one.finds} == known
    assert len(ALL) >= 30
    assert sum(one.kind == "healthy" for one in ALL) >= 5
    assert sum(one.kind == "trap" for one in ALL) >= 10


def test_rules_that_foreign_spans_keep_blind_say_which_attribute_is_missing(tmp_path: Path) -> None:
    """No line, no client, no blocks, no timeouts: nothing is found, and nothing called good that nobody could see."""
    [foreign] = [one for one in ALL if one.name == "foreign"]
    store = stores.open(tmp_path / "calls.duckdb")
    store.append(foreign.traffic(SEED).spans)
    answer = audit(store, Window(), source_root=tmp_path)

    assert not answer.findings
    blind = {one.rule: one.note for one in answer.checked if one.outcome == "not judged"}
    assert blind["reuse-client"] == "no call carries firsttoken.client.id or firsttoken.client.calls"
    assert blind["enable-prompt-caching"] == "no call carries firsttoken.prompt.blocks"
    assert blind["deduplicate-requests"] == "no call carries firsttoken.request.hash"
    assert blind["raise-timeout"] == "no call carries firsttoken.request.timeout"
    assert blind["run-in-parallel"] == "no call carries firsttoken.depends_on"
    assert blind["rate-limit-headroom"] == "no call carries firsttoken.ratelimit.requests.limit"
