from __future__ import annotations

from tests.advisor.conftest import Ask
from tests.advisor.traffic import Line, Traffic

RULE = "speed-up-tool-loop"
AGENT = Line("/srv/shop/app/agent.py", 50, "run")


def agent(*, in_a_row: bool = True, tool_s: float = 1.5, traces: int = 12, ones: bool = True) -> Traffic:
    """Each request asks for one tool, then for three, then answers."""
    traffic = Traffic()
    for _ in range(traces):
        with traffic.request():
            before: list[str] = []
            for tools in (1, 3, 0) if ones else (3, 3, 0):
                span = traffic.call(
                    AGENT,
                    output_tokens=60,
                    blocks=(f"tool_use:{tools}",) if tools else ("text:1",),
                    depends_on=[f"{one}:1" for one in before[-1:]],
                    gen_ai__response__finish_reasons=["tool_use" if tools else "end_turn"],
                )
                before.append(span)
                traffic.idle(tool_s * (tools if in_a_row else min(tools, 1)))
    return traffic


def test_tools_that_run_one_after_another_are_found(ask: Ask):
    [finding] = ask(agent(), RULE).findings

    assert finding.site.line == 50
    assert finding.evidence["answers_with_several_tools"] == 12
    saved = finding.saving.latency_s
    assert saved is not None
    assert saved.low <= 3.0 / 2 <= saved.high


def test_silent_where_they_run_together(ask: Ask):
    found = ask(agent(in_a_row=False), RULE)

    assert not found.findings
    assert not found.hints


def test_silent_where_a_person_is_asked_for_leave(ask: Ask):
    found = ask(agent(tool_s=90), RULE)

    assert not found.findings
    assert not found.hints


def test_silent_for_tools_that_take_no_time(ask: Ask):
    found = ask(agent(tool_s=0.02), RULE)

    assert not found.findings
    assert not found.hints


def test_a_hint_where_one_tool_alone_was_never_seen(ask: Ask):
    found = ask(agent(ones=False), RULE)

    assert not found.findings
    assert len(found.hints) == 1
