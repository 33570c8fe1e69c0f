from __future__ import annotations

from tests.advisor.conftest import Ask
from tests.advisor.traffic import CHAT, Traffic

RULE = "slow-consumer"


def streams(held_s: float, calls: int = 30, without: tuple[str, ...] = ()) -> Traffic:
    traffic = Traffic()
    for _ in range(calls):
        traffic.call(
            CHAT,
            stream=True,
            output_tokens=400,
            duration=6 + held_s,
            firsttoken__consumer__duration=held_s,
            without=without,
        )
    return traffic


def test_streams_that_the_application_holds_up_are_found(ask: Ask):
    [finding] = ask(streams(4.0), RULE).findings

    assert finding.evidence["streams_held_up"] == 30
    assert finding.saving.latency_s is None
    compile(finding.fix.after, "after", "exec")


def test_silent_where_reading_takes_no_time(ask: Ask):
    found = ask(streams(0.05), RULE)

    assert not found.findings
    assert not found.hints


def test_says_that_nobody_measured_the_reader(ask: Ask):
    [checked] = ask(streams(4.0, without=("firsttoken.consumer.duration",)), RULE).checked

    assert checked.outcome == "not judged"
    assert "firsttoken.consumer.duration" in checked.note
