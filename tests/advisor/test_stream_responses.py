from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.advisor.conftest import Ask
from tests.advisor.traffic import CHAT, JOB, Line, Traffic

RULE = "stream-responses"


def chat(calls: int = 30, **call: Any) -> Traffic:
    """A server whose requests each make one call, unstreamed and long unless told otherwise."""
    traffic = Traffic()
    for _ in range(calls):
        with traffic.request():
            said: dict[str, Any] = {"output_tokens": 600} | call
            traffic.call(CHAT, **said)
        traffic.idle(20)
    return traffic


def test_a_long_answer_that_a_request_waits_for_is_found_at_its_line(ask: Ask):
    found = ask(chat(), RULE)

    [finding] = found.findings
    assert (finding.site.file, finding.site.line, finding.site.function) == CHAT
    assert finding.model == "claude-opus-5"
    assert finding.evidence["n"] == 30
    assert not found.hints


def test_the_saving_is_the_wait_until_the_first_words(ask: Ask):
    """600 tokens at 80 a second after 0.9 s: 8.4 s in one piece. The truth lies in the interval, which is narrow."""
    traffic = chat()
    for _ in range(20):  # the model's own speed is known from elsewhere
        traffic.call(Line("/srv/shop/app/other.py", 5, "other"), stream=True, output_tokens=300)

    [finding] = ask(traffic, RULE).findings

    saved = finding.saving.latency_s
    assert saved is not None
    assert saved.low <= 600 / 80 <= saved.high
    assert saved.high - saved.low < saved.expected
    assert finding.saving.usd_per_month is None


@pytest.mark.parametrize("held", [0, 38_000])
def test_what_the_cache_holds_is_not_waited_for_before_the_first_words(ask: Ask, held: int):
    """The attribute counts all input tokens, those from the cache too: only the others are read before the answer."""
    traffic = chat(input_tokens=40_000, gen_ai__usage__cache_read__input_tokens=held, duration=14.0)
    for number in range(60):  # what a token adds is known from elsewhere
        line = Line("/srv/shop/app/other.py", 5, "other")
        traffic.call(line, stream=True, output_tokens=300, input_tokens=500 + 700 * number)

    [finding] = ask(traffic, RULE).findings

    assert finding.evidence["first_words_after_s"] == pytest.approx(0.8 + 0.00012 * (40_000 - held), rel=0.1)


def test_a_long_think_before_the_answer_is_not_promised_away(ask: Ask):
    """Of 800 output tokens 400 are thinking: a stream shows the other half earlier, and only that."""
    traffic = chat(output_tokens=800, thinking_tokens=400)
    for _ in range(20):
        traffic.call(Line("/srv/shop/app/other.py", 5, "other"), stream=True, output_tokens=300)

    [finding] = ask(traffic, RULE).findings

    saved = finding.saving.latency_s
    assert saved is not None
    assert saved.low <= 400 / 80 <= saved.high


def test_the_change_is_written_for_this_very_call(ask: Ask):
    [finding] = ask(chat(model="claude-sonnet-5-5", max_tokens=2048), RULE).findings

    assert 'client.messages.create(model="claude-sonnet-5-5", max_tokens=2048, messages=...)' in finding.fix.before
    assert 'client.messages.stream(model="claude-sonnet-5-5", max_tokens=2048, messages=...)' in finding.fix.after
    compile(finding.fix.before, "before", "exec")
    compile(finding.fix.after, "after", "exec")


@pytest.mark.parametrize(
    "call",
    [
        pytest.param({"stream": True}, id="it streams already"),
        pytest.param({"output_tokens": 80}, id="the answer is short"),
        pytest.param({"blocks": ("tool_use:1",)}, id="the answer is a tool call, nothing to read"),
        pytest.param({"gen_ai__output__type": "json"}, id="the answer is parsed as a whole"),
    ],
)
def test_silent_where_a_stream_would_help_nobody(ask: Ask, call: dict[str, Any]):
    found = ask(chat(**call), RULE)

    assert not found.findings
    assert not found.hints


def test_silent_for_a_job_behind_a_queue(ask: Ask):
    traffic = Traffic()
    for _ in range(30):
        with traffic.request("process order", kind="CONSUMER"):
            traffic.call(JOB, output_tokens=600)

    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints


def test_silent_for_work_that_goes_on_after_the_request_was_answered(ask: Ask):
    """The trace begins with a SERVER span, but that had ended before the call began."""
    traffic = Traffic()
    for _ in range(30):
        with traffic.request("POST /import"):
            traffic.idle(0.01)
            trace = traffic.spans
        server = trace[-1]
        traffic.idle(1)
        traffic.call(JOB, output_tokens=600)
        traffic.spans[-1] = traffic.spans[-1]._replace(trace_id=server.trace_id, parent_span_id=server.span_id)

    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints


def test_only_the_last_answer_of_a_chain_is_read_by_somebody(ask: Ask):
    """The outline feeds the article within one request: nobody reads it as it comes."""
    outline = Line("/srv/shop/app/article.py", 10, "outline")
    article = Line("/srv/shop/app/article.py", 20, "article")
    traffic = Traffic()
    for _ in range(30):
        with traffic.request():
            first = traffic.call(outline, output_tokens=500)
            traffic.call(article, output_tokens=900, depends_on=[f"{first}:0.9"])

    found = ask(traffic, RULE)

    assert [one.site.function for one in found.findings] == ["article"]
    assert not found.hints


def test_a_hint_where_nothing_says_that_somebody_waits(ask: Ask):
    traffic = Traffic()
    for _ in range(30):
        traffic.call(Line("/srv/shop/cli.py", 7, "main"), output_tokens=600)

    found = ask(traffic, RULE)

    assert not found.findings
    assert [one.site.function for one in found.hints] == ["main"]
    assert "firsttoken.toml" in found.hints[0].caveats


def test_a_site_that_streams_elsewhere_is_read_by_somebody(ask: Ask):
    traffic = Traffic()
    for number in range(60):
        traffic.call(
            Line(CHAT.file, 40 if number % 2 else 31, CHAT.function), output_tokens=600, stream=number % 2 == 0
        )

    assert [one.site.line for one in ask(traffic, RULE).findings] == [40]


def test_what_firsttoken_toml_says_of_a_site_counts(ask: Ask, tmp_path: Path):
    (tmp_path / "firsttoken.toml").write_text('[sites]\ninteractive = ["cli.py:main"]\njobs = ["jobs/*"]\n')
    traffic = Traffic()
    for _ in range(30):
        traffic.call(Line(f"{tmp_path}/cli.py", 7, "main"), output_tokens=600)
        with traffic.request():
            traffic.call(Line(f"{tmp_path}/jobs/night.py", 9, "run"), output_tokens=600)

    found = ask(traffic, RULE, root=tmp_path)

    assert [one.site.function for one in found.findings] == ["main"]
    assert not found.hints


def test_fewer_than_twenty_calls_are_a_hint(ask: Ask):
    found = ask(chat(calls=12), RULE)

    assert not found.findings
    assert len(found.hints) == 1


def test_found_by_prompt_and_parent_where_no_source_line_is_known(ask: Ask):
    """A foreign dialect: no code.* on the call nor on its parents."""
    traffic = Traffic()
    for _ in range(30):
        with traffic.request("POST /answer"):
            traffic.call(None, output_tokens=600)

    [finding] = ask(traffic, RULE).findings

    assert not finding.site.known
    assert "POST /answer" in finding.site.label()
    assert "no source line known" in finding.site.label()
