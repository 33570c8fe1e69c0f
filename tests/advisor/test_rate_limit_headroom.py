from __future__ import annotations

from tests.advisor.conftest import Ask
from tests.advisor.traffic import CHAT, JOB, Traffic

RULE = "rate-limit-headroom"


def near_the_limit(left: int) -> Traffic:
    traffic = Traffic()
    for number in range(40):
        traffic.call(
            JOB if number % 2 else CHAT,
            firsttoken__ratelimit__requests__limit=1000,
            firsttoken__ratelimit__requests__remaining=left if number % 4 else 900,
            firsttoken__ratelimit__input_tokens__limit=2_000_000,
            firsttoken__ratelimit__input_tokens__remaining=1_900_000,
        )
    return traffic


def test_a_limit_that_is_nearly_used_up_is_found_once_for_its_service(ask: Ask):
    """The limit is the organisation's: the site that meets it most often stands for all."""
    [finding] = ask(near_the_limit(left=50), RULE).findings

    assert finding.site.line == JOB.line
    assert finding.evidence["bucket"] == "requests"
    assert finding.saving.latency_s is None
    compile(finding.fix.after, "after", "exec")


def test_silent_with_room_to_the_limit(ask: Ask):
    found = ask(near_the_limit(left=800), RULE)

    assert not found.findings
    assert not found.hints


def test_says_that_no_limits_were_told(ask: Ask):
    traffic = Traffic()
    traffic.call()

    [checked] = ask(traffic, RULE).checked

    assert checked.outcome == "not judged"
