from __future__ import annotations

from tests.advisor.conftest import Ask
from tests.advisor.traffic import Attempt, Line, Traffic

RULE = "raise-timeout"
WRITE = Line("/srv/shop/app/write.py", 20, "write")


def timed_out(seconds: float, error: str = "APITimeoutError") -> Attempt:
    return Attempt(error, None, seconds)


def long_answers(*, lost: int = 10, answered: int = 20, timeout: float = 60, error: str = "APITimeoutError") -> Traffic:
    """Answers of 45 to 55 s under a timeout of 60 s; `lost` of them need longer and are tried three times."""
    traffic = Traffic()
    for number in range(answered):
        traffic.call(WRITE, output_tokens=3500, max_tokens=8000, timeout=timeout, duration=45 + 10 * number / answered)
    for _ in range(lost):
        traffic.call(
            WRITE,
            max_tokens=8000,
            timeout=timeout,
            failed=[timed_out(timeout, error)] * 3,
            slept=1.3,
            error=error,
        )
    return traffic


def test_a_timeout_that_cuts_answers_off_and_is_tried_three_times_is_found(ask: Ask):
    [finding] = ask(long_answers(), RULE).findings

    assert finding.site.line == 20
    assert finding.evidence["calls_failed"] == 10
    assert finding.evidence["attempts_timed_out"] == 30
    assert finding.evidence["waited_mean_s"] == 181.3
    assert "timeout=60" in finding.fix.before
    assert "messages.stream" in finding.fix.after
    compile(finding.fix.after, "after", "exec")


def test_the_timeout_that_is_proposed_is_in_seconds_and_no_lower_than_the_sdks_own(ask: Ask):
    [finding] = ask(long_answers(), RULE).findings

    assert "httpx.Timeout(600, connect=5, read=90)" in finding.fix.after


def test_what_the_storm_wasted_is_the_saving(ask: Ask):
    """A third of the calls waits 181 s in vain; answered, each would take a little over 60 s: 40 s a call."""
    [finding] = ask(long_answers(), RULE).findings

    saved = finding.saving.latency_s
    assert saved is not None
    assert saved.low <= (181.3 - 63) / 3 <= saved.high
    assert saved.high - saved.low < saved.expected


def test_the_sdks_own_name_of_a_timeout_is_understood(ask: Ask):
    [finding] = ask(long_answers(error="client_timeout_error"), RULE).findings

    assert finding.evidence["calls_failed"] == 10


def test_timeouts_without_a_single_answer_are_judged_by_what_max_tokens_takes(ask: Ask):
    """8,000 tokens at this model's pace take 100 s; the timeout of 20 s never had a chance."""
    traffic = long_answers(lost=25, answered=0, timeout=20)
    for _ in range(10):
        traffic.call(Line("/srv/shop/app/other.py", 1, "other"), stream=True, output_tokens=300)

    [finding] = ask(traffic, RULE).findings

    assert finding.site.line == 20


def test_a_retry_that_came_through_still_wasted_the_attempt_before(ask: Ask):
    traffic = long_answers(lost=0)
    for _ in range(10):
        traffic.call(WRITE, max_tokens=8000, timeout=60, failed=[timed_out(60)], slept=0.5, duration=52)

    [finding] = ask(traffic, RULE).findings

    assert finding.evidence["calls_failed"] == 0
    saved = finding.saving.latency_s
    assert saved is not None
    assert 10 < saved.expected < 20


def test_silent_where_nothing_times_out(ask: Ask):
    found = ask(long_answers(lost=0), RULE)

    assert not found.findings
    assert not found.hints


def test_silent_for_one_accident(ask: Ask):
    found = ask(long_answers(lost=1, answered=60), RULE)

    assert not found.findings
    assert not found.hints


def test_a_deadline_that_is_not_tried_again_may_be_meant(ask: Ask):
    traffic = Traffic()
    for number in range(40):
        if number % 4:
            traffic.call(WRITE, timeout=5, max_retries=0, output_tokens=280)
        else:
            traffic.call(WRITE, timeout=5, max_retries=0, failed=[timed_out(5)], error="APITimeoutError")

    found = ask(traffic, RULE)

    assert not found.findings
    assert "max_retries=0" in found.hints[0].caveats


def test_where_the_service_hangs_a_longer_timeout_is_not_advised(ask: Ask):
    """Answers take 3 s, a few calls never end: waiting longer for those brings nothing."""
    traffic = Traffic()
    for number in range(60):
        if number % 12:
            traffic.call(WRITE, timeout=120, output_tokens=200)
        else:
            traffic.call(WRITE, timeout=120, failed=[timed_out(120)], slept=0.5, output_tokens=200)

    found = ask(traffic, RULE)

    assert not found.findings
    [hint] = found.hints
    assert "hang" in hint.title
    assert "timeout=11" in hint.fix.after or "timeout=12" in hint.fix.after


def test_a_timeout_of_the_api_itself_is_not_ours(ask: Ask):
    """504 `timeout_error` comes from the service; the client's limit has no part in it."""
    traffic = long_answers(lost=0)
    for _ in range(10):
        traffic.call(WRITE, timeout=60, failed=[Attempt("timeout_error", 504, 30)], slept=0.5, output_tokens=100)

    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints
