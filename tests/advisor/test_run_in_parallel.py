"""run-in-parallel: where calls wait for calls that they do not need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.advisor.asking import asked, finding, hint, prompt, silent
from tests.advisor.traffic import Line, Traffic

RULE = "run-in-parallel"
DIGEST = Line("/srv/shop/app/digest.py", 20, "digest")
PRAISE = Line("/srv/shop/app/digest.py", 31, "praise")
BLAME = Line("/srv/shop/app/digest.py", 40, "blame")


def message(number: int) -> list[str]:
    return prompt(("messages", number, 800))


def loops(traffic: Traffic, requests: int = 10, calls: int = 4, **how: Any) -> None:
    """A loop over texts in each request: nothing of one answer stands in the next request."""
    for request in range(requests):
        with traffic.request("POST /digest"):
            for number in range(calls):
                traffic.call(at=DIGEST, prompt=message(100 * request + number), **how)


def test_a_loop_over_independent_texts_could_run_at_once(tmp_path: Path) -> None:
    traffic = Traffic()
    loops(traffic)
    found = finding(traffic, tmp_path, RULE)
    assert (found.site.file, found.site.line, found.site.function) == DIGEST
    assert found.evidence["independent_calls_per_request"] == 4
    assert "asyncio.gather" in found.fix.after
    compile(found.fix.before, "before", "exec")


def test_the_saving_is_the_sum_less_the_longest(tmp_path: Path) -> None:
    traffic = Traffic()
    loops(traffic, duration=2.0)
    latency = finding(traffic, tmp_path, RULE).saving.latency_s
    assert latency is not None
    assert latency.low < latency.expected <= 6.0
    assert latency.high == pytest.approx(1.05 * 6.0), "two hours differ"
    assert latency.expected == pytest.approx(5.4)


def test_three_lines_that_need_nothing_of_each_other_are_named_together(tmp_path: Path) -> None:
    traffic = Traffic()
    for request in range(10):
        with traffic.request():
            for place, line in enumerate((DIGEST, PRAISE, BLAME)):
                traffic.call(at=line, prompt=message(10 * request + place))
    found = finding(traffic, tmp_path, RULE)
    assert found.evidence["lines"] == [
        "app/digest.py:20 in digest",
        "app/digest.py:31 in praise",
        "app/digest.py:40 in blame",
    ]
    assert found.fix.after.count("client.messages.create") == 3


def test_only_the_calls_that_have_company_once_the_chain_is_kept_are_named(tmp_path: Path) -> None:
    """Two independent calls, and one that quotes both: the last stays where it is."""
    traffic = Traffic()
    for request in range(10):
        with traffic.request():
            first = traffic.call(at=DIGEST, prompt=message(10 * request), duration=3.0)
            second = traffic.call(at=PRAISE, prompt=message(10 * request + 1), duration=2.0)
            uses = [f"{first}:0.9", f"{second}:0.8"]
            traffic.call(at=BLAME, prompt=message(10 * request + 2), depends_on=uses, duration=4.0)
    found = finding(traffic, tmp_path, RULE)
    assert found.evidence["lines"] == ["app/digest.py:20 in digest", "app/digest.py:31 in praise"]
    assert found.saving.latency_s is not None
    assert found.saving.latency_s.high == pytest.approx(1.05 * 2.0)


def test_a_chain_of_which_each_call_quotes_the_one_before_is_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    for request in range(20):
        with traffic.request():
            before: list[str] = []
            for number in range(4):
                span = traffic.call(at=DIGEST, prompt=message(100 * request + number), depends_on=before)
                before = [f"{span}:0.7"]
    assert silent(traffic, tmp_path, RULE)


def test_turns_of_a_growing_conversation_are_left_alone(tmp_path: Path) -> None:
    """Also where the answers themselves are too short to be found again."""
    traffic = Traffic()
    for request in range(20):
        with traffic.request():
            for turn in range(1, 4):
                blocks = [("messages", 100 * request + place, 400) for place in range(2 * turn - 1)]
                traffic.call(at=DIGEST, prompt=prompt(*blocks))
    assert silent(traffic, tmp_path, RULE)


def test_asking_the_very_same_until_the_answer_is_good_is_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    loops(traffic, 20, firsttoken__request__hash="00ff00ff00ff00ff")
    assert silent(traffic, tmp_path, RULE)


def test_calls_between_which_the_application_works_are_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    for request in range(20):
        with traffic.request():
            for number in range(3):
                traffic.call(at=DIGEST, prompt=message(100 * request + number), duration=2.0)
                traffic.idle(0.5)
    assert silent(traffic, tmp_path, RULE)


def test_calls_that_run_at_once_already_are_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    loops(traffic, 20, advance=False)
    assert silent(traffic, tmp_path, RULE)


def test_calls_of_which_nobody_looked_for_dependencies_cannot_be_judged(tmp_path: Path) -> None:
    traffic = Traffic()
    loops(traffic, depends_on=None)
    (checked,) = asked(traffic, tmp_path, RULE).checked
    assert (checked.outcome, checked.note) == ("not judged", "no call carries firsttoken.depends_on")


def test_a_run_with_one_call_that_was_not_looked_at_is_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    for request in range(20):
        with traffic.request():
            traffic.call(at=DIGEST, prompt=message(10 * request))
            traffic.call(at=PRAISE, prompt=message(10 * request + 1), depends_on=None)
    assert silent(traffic, tmp_path, RULE)


def test_a_short_answer_that_may_decide_what_comes_next_makes_a_hint(tmp_path: Path) -> None:
    traffic = Traffic()
    for request in range(20):
        with traffic.request():
            traffic.call(at=DIGEST, prompt=message(10 * request), output_tokens=3)
            traffic.call(at=PRAISE, prompt=message(10 * request + 1), output_tokens=100)
    assert "decide" in hint(traffic, tmp_path, RULE).caveats


def test_a_line_that_is_followed_now_by_this_now_by_that_line_makes_hints(tmp_path: Path) -> None:
    traffic = Traffic()
    for request in range(20):
        with traffic.request():
            traffic.call(at=DIGEST, prompt=message(10 * request))
            traffic.call(at=PRAISE if request % 2 else BLAME, prompt=message(10 * request + 1))
    answer = asked(traffic, tmp_path, RULE)
    assert not answer.findings
    assert len(answer.hints) == 2


def test_a_shared_cached_prefix_is_warmed_by_one_call_first(tmp_path: Path) -> None:
    traffic = Traffic()
    loops(traffic, gen_ai__usage__cache_read__input_tokens=500)
    found = finding(traffic, tmp_path, RULE)
    assert "questions[0]" in found.fix.after
    assert "cached prefix" in found.caveats


def test_calls_without_a_span_around_them_cannot_be_judged(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(30):
        traffic.call(at=DIGEST, prompt=message(number))
    (checked,) = asked(traffic, tmp_path, RULE).checked
    assert checked.outcome == "not judged"
