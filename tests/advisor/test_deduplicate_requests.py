from __future__ import annotations

from tests.advisor.conftest import Ask
from tests.advisor.traffic import Line, Traffic

RULE = "deduplicate-requests"
LABEL = Line("/srv/shop/app/label.py", 14, "label")


def labels(*, distinct: int, rounds: int, apart_s: float = 5.0) -> Traffic:
    traffic = Traffic()
    for _ in range(rounds):
        for number in range(distinct):
            traffic.call(LABEL, output_tokens=100, firsttoken__request__hash=f"{number:016x}")
            traffic.idle(apart_s)
    return traffic


def test_the_same_questions_asked_again_are_found_with_what_they_cost(ask: Ask):
    [finding] = ask(labels(distinct=20, rounds=3), RULE).findings

    assert finding.evidence["answers_repeated"] == 40
    assert finding.evidence["repeated_requests"] == 20
    money = finding.saving.usd_per_1000_calls
    assert money is not None
    each = (800 * 5 + 100 * 25) / 1e6
    assert abs(money.expected - 1000 * each * 40 / 60) < 1e-6


def test_silent_where_every_question_is_another(ask: Ask):
    found = ask(labels(distinct=60, rounds=1), RULE)

    assert not found.findings
    assert not found.hints


def test_several_answers_at_once_to_one_question_are_wanted(ask: Ask):
    """Votes and samples: asked while the first is on its way."""
    traffic = Traffic()
    for number in range(20):
        for turn in range(4):
            traffic.call(LABEL, output_tokens=100, advance=turn == 3, firsttoken__request__hash=f"{number:016x}")

    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints


def test_one_request_over_and_over_may_be_a_health_check(ask: Ask):
    found = ask(labels(distinct=1, rounds=40), RULE)

    assert not found.findings
    assert len(found.hints) == 1


def test_silent_where_the_answer_comes_from_the_web(ask: Ask):
    traffic = labels(distinct=1, rounds=1)
    for _ in range(40):
        traffic.call(
            LABEL,
            firsttoken__request__hash="ab" * 8,
            firsttoken__server_tool_counts='{"web_search_requests": 1}',
        )

    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints


def test_sampled_traces_do_not_tell_what_was_asked_before(ask: Ask):
    traffic = Traffic()
    for number in range(40):
        traffic.call(LABEL, firsttoken__request__hash=f"{number % 4:016x}", sampling__probability=0.5)

    [checked] = ask(traffic, RULE).checked

    assert checked.outcome == "not judged"
    assert "sampled" in checked.note


def test_a_whole_set_that_is_run_again_days_later_is_an_evaluation(ask: Ask):
    traffic = Traffic()
    for _ in range(3):
        for number in range(20):
            traffic.call(LABEL, output_tokens=100, firsttoken__request__hash=f"{number:016x}")
        traffic.idle(3 * 86_400)

    found = ask(traffic, RULE)

    assert not found.findings
    assert len(found.hints) == 1
