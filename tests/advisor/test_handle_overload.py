from __future__ import annotations

from tests.advisor.conftest import Ask
from tests.advisor.traffic import OVERLOADED, Attempt, Line, Traffic

RULE = "handle-overload"
ASK = Line("/srv/shop/app/ask.py", 8, "ask")
LIMITED = Attempt("rate_limit_error", 429, 0.05, retry_after=12)


def overloaded(*, failed: int = 4, retried: int = 12, fine: int = 24) -> Traffic:
    traffic = Traffic()
    for _ in range(failed):
        traffic.call(ASK, failed=[OVERLOADED] * 3, slept=1.4, error="overloaded_error", status=529)
    for _ in range(retried):
        traffic.call(ASK, failed=[OVERLOADED], slept=0.5)
    for _ in range(fine):
        traffic.call(ASK)
    return traffic


def test_calls_lost_to_an_overloaded_api_are_found_with_what_the_retries_cost(ask: Ask):
    [finding] = ask(overloaded(), RULE).findings

    assert finding.site.line == 8
    assert finding.evidence["status"] == 529
    assert finding.evidence["calls_failed"] == 4
    assert finding.evidence["calls_refused"] == 16
    assert finding.evidence["attempts_refused"] == 24


def test_overload_is_met_with_another_model_at_once_not_with_a_slower_pace(ask: Ask):
    [finding] = ask(overloaded(), RULE).findings

    assert 'model="claude-sonnet-5-5"' in finding.fix.after
    assert "client.with_options(max_retries=0).messages.create(" in finding.fix.after
    assert "Semaphore" not in finding.fix.after
    compile(finding.fix.after, "after", "exec")


def test_the_fallback_saves_only_what_comes_after_the_first_refusal(ask: Ask):
    [finding] = ask(overloaded(), RULE).findings

    saved = finding.saving.latency_s
    assert saved is not None
    after_the_first = (4 * (0.4 + 1.4) + 12 * 0.5) / 40
    assert abs(saved.expected - after_the_first) < 0.01


def test_a_rate_limit_is_met_with_a_slower_pace_not_with_another_model(ask: Ask):
    traffic = Traffic()
    for number in range(40):
        if number % 4:
            traffic.call(ASK)
        else:
            traffic.call(ASK, failed=[LIMITED], slept=12)

    [finding] = ask(traffic, RULE).findings

    assert finding.evidence["status"] == 429
    assert "Semaphore" in finding.fix.after
    assert "claude-sonnet-5-5" not in finding.fix.after
    compile(finding.fix.after, "after", "exec")


def test_hidden_sleeps_that_retry_after_asked_for_are_told(ask: Ask):
    traffic = Traffic()
    for number in range(40):
        traffic.call(ASK, failed=[] if number % 8 else [LIMITED], slept=0 if number % 8 else 12)

    [finding] = ask(traffic, RULE).findings

    assert finding.evidence["sleeps_over_5_s"] == 5
    assert finding.evidence["retry_after_max_s"] == 12
    assert "slept up to 12 s" in finding.fix.why


def test_both_kinds_at_one_line_are_two_findings(ask: Ask):
    traffic = overloaded()
    for _ in range(8):
        traffic.call(ASK, failed=[LIMITED], slept=12)

    found = ask(traffic, RULE).findings

    assert sorted(str(one.evidence["status"]) for one in found) == ["429", "529"]
    assert len({one.id for one in found}) == 2


def test_a_refusal_that_names_no_time_to_come_back_is_told_as_a_spend_limit(ask: Ask):
    refused = Attempt("rate_limit_error", 429, 0.05)
    traffic = Traffic()
    for _ in range(30):
        traffic.call(ASK)
    for _ in range(6):
        traffic.call(ASK, failed=[refused] * 3, slept=1.3, error="rate_limit_error", status=429)

    [finding] = ask(traffic, RULE).findings

    assert "spend limit" in finding.title
    assert "Semaphore" not in finding.fix.after
    assert finding.confidence == "low"


def test_an_overload_in_mid_stream_is_told_since_no_sdk_retries_it(ask: Ask):
    traffic = Traffic()
    for _ in range(30):
        traffic.call(ASK, stream=True)
    for _ in range(4):
        traffic.call(
            ASK, stream=True, failed=[Attempt("overloaded_error", 200, 2.0)], error="overloaded_error", status=200
        )

    [finding] = ask(traffic, RULE).findings

    assert finding.evidence["refused_in_mid_stream"] == 4
    assert "ask again" in finding.caveats


def test_foreign_spans_without_attempts_still_tell_of_their_last_error(ask: Ask):
    traffic = Traffic()
    for number in range(40):
        traffic.call(ASK, error=None if number % 5 else "overloaded_error", status=None if number % 5 else 529)

    [finding] = ask(traffic, RULE).findings

    assert finding.evidence["calls_failed"] == 8


def test_silent_for_a_stray_refusal_that_a_retry_answered(ask: Ask):
    found = ask(overloaded(failed=0, retried=1, fine=60), RULE)

    assert not found.findings
    assert not found.hints


def test_silent_for_errors_that_are_neither(ask: Ask):
    traffic = Traffic()
    for number in range(40):
        bad = number % 4 == 0
        traffic.call(
            ASK,
            failed=[Attempt("invalid_request_error", 400, 0.1)] if bad else [],
            error="invalid_request_error" if bad else None,
            status=400 if bad else None,
        )

    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints


def fallback(traffic: Traffic, *, answered_by: str | None, at: Line = ASK, n: int = 30) -> Traffic:
    for number in range(n):
        with traffic.request():
            if number % 3:
                traffic.call(ASK)
                continue
            traffic.call(ASK, failed=[OVERLOADED], error="overloaded_error", status=529)
            if answered_by is not None:
                traffic.call(at, model=answered_by)
    return traffic


def test_silent_where_another_model_answers_what_was_refused(ask: Ask):
    found = ask(fallback(Traffic(), answered_by="claude-sonnet-5"), RULE)

    assert not found.findings
    assert not found.hints


def test_silent_where_the_fallback_is_another_line_of_the_same_function(ask: Ask):
    there = Line(ASK.file, ASK.line + 4, ASK.function)
    found = ask(fallback(Traffic(), answered_by="claude-sonnet-5", at=there), RULE)

    assert not found.findings
    assert not found.hints


def test_asking_the_same_model_again_or_another_function_asking_is_no_fallback(ask: Ask):
    elsewhere = Line("/srv/shop/app/other.py", 3, "other")
    for traffic in (
        fallback(Traffic(service="again", seed=1), answered_by="claude-opus-5"),
        fallback(Traffic(service="elsewhere", seed=2), answered_by="claude-sonnet-5", at=elsewhere),
        fallback(Traffic(service="none", seed=3), answered_by=None),
    ):
        answer = ask(traffic, RULE)
        assert traffic.service in {one.site.service for one in answer.findings}
