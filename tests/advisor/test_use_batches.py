from __future__ import annotations

import pytest

from tests.advisor.conftest import Ask
from tests.advisor.traffic import JOB, Traffic

RULE = "use-batches"


def job(calls: int = 120, *, kind: str = "CONSUMER", stream: bool = False, tools: int = 0) -> Traffic:
    traffic = Traffic()
    for _ in range(calls):
        with traffic.request("process orders", kind="CONSUMER" if kind == "CONSUMER" else "INTERNAL"):
            traffic.call(JOB, output_tokens=100, stream=stream, firsttoken__request__tool_count=tools)
        traffic.idle(10)
    return traffic


def test_a_job_of_many_independent_calls_would_cost_half(ask: Ask):
    [finding] = ask(job(), RULE).findings

    assert finding.site.line == JOB.line
    money = finding.saving.usd_per_1000_calls
    assert money is not None
    assert abs(money.expected - 500 * (800 * 5 + 100 * 25) / 1e6) < 1e-6
    compile(finding.fix.before, "before", "exec")
    compile(finding.fix.after, "after", "exec")


def test_a_hint_where_nothing_says_that_it_is_a_job(ask: Ask):
    found = ask(job(kind="INTERNAL"), RULE)

    assert not found.findings
    assert len(found.hints) == 1


@pytest.mark.parametrize(
    "traffic", [job(40), job(stream=True), job(tools=3)], ids=["few calls", "streamed", "tool loops"]
)
def test_silent_where_a_batch_does_not_fit(ask: Ask, traffic: Traffic):
    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints


def test_silent_for_requests_that_somebody_waits_for(ask: Ask):
    traffic = Traffic()
    for _ in range(120):
        with traffic.request():
            traffic.call(JOB, output_tokens=100)

    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints


def test_silent_for_steps_that_need_each_other(ask: Ask):
    traffic = Traffic()
    for _ in range(80):
        with traffic.request("process orders", kind="CONSUMER"):
            first = traffic.call(JOB, output_tokens=100)
            traffic.call(JOB, output_tokens=100, depends_on=[f"{first}:0.8"])

    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints
