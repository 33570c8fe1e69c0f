"""A change is seen in the calls, measured, and called a saving only where it is one."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest

from firsttoken import store as stores
from firsttoken_dashboard.advisor import changes, states, verify
from firsttoken_dashboard.advisor.audit import audit
from firsttoken_dashboard.advisor.before_after import Call, difference
from firsttoken_dashboard.advisor.findings import Audit, Site
from firsttoken_dashboard.advisor.followed import Followed
from firsttoken_dashboard.analysis import Window
from tests.advisor.traffic import CHAT, OVERLOADED, ROOT, START, Attempt, Line, Traffic

TIMED_OUT = Attempt("APITimeoutError", None, 2.5)
TOOLS = "tools:00aa00aa00aa00aa:40000:"


def asked(traffic: Traffic, times: int = 30, **call: Any) -> None:
    """So many requests with one call each."""
    varied(traffic, lambda _: call, times)


def varied(traffic: Traffic, call: Callable[[int], dict[str, Any]], times: int = 30) -> None:
    """So many requests with one call each, which depends on its number."""
    for number in range(times):
        with traffic.request():
            traffic.call(**call(number))
        traffic.idle(2)


def told(
    tmp_path: Path, rule: str, before: Callable[[Traffic], None], *later: Callable[[Traffic], None]
) -> list[Audit]:
    """What is told after each stage of an application's life; earlier calls stay in the store."""
    traffic = Traffic()
    before(traffic)
    store = traffic.store(tmp_path)
    answers = [verify.follow(store, audit(store, Window(), source_root=ROOT, only=[rule]))]
    for stage in later:
        traffic.idle(60)
        traffic.spans.clear()
        stage(traffic)
        store.append(traffic.spans)
        answers.append(verify.follow(store, audit(store, Window(), source_root=ROOT, only=[rule])))
    return answers


def one(answer: Audit) -> Followed:
    [followed] = answer.followed
    return followed


def whole(traffic: Traffic) -> None:
    asked(traffic, output_tokens=600)


def streamed(traffic: Traffic) -> None:
    asked(traffic, output_tokens=600, stream=True)


def test_a_site_that_now_streams_is_verified_with_what_its_readers_no_longer_wait(tmp_path: Path) -> None:
    first, second = told(tmp_path, "stream-responses", whole, streamed)

    assert [each.state for each in first.findings] == ["open"]
    assert second.findings == []
    verified = one(second)
    assert verified.state == "verified"
    assert verified.measured is not None
    # 600 tokens at 80 a second are what comes after the first words.
    assert verified.measured.saving.low < 7.5 < verified.measured.saving.high
    assert (verified.measured.n_before, verified.measured.n_after) == (30, 30)


def test_a_site_without_a_line_is_followed_by_its_request_and_prompt(tmp_path: Path) -> None:
    _, second = told(
        tmp_path,
        "stream-responses",
        lambda traffic: asked(traffic, output_tokens=600, at=None),
        lambda traffic: asked(traffic, output_tokens=600, at=None, stream=True),
    )

    assert (one(second).site.file, one(second).state) == (None, "verified")


def test_a_measured_saving_outlives_the_calls_that_it_was_measured_on(tmp_path: Path) -> None:
    """Retention takes the calls before the change; nothing can be measured then, and what was stays true."""
    _, second = told(tmp_path, "stream-responses", whole, streamed)
    store = stores.open(tmp_path / "calls.duckdb")
    with store.write() as con:
        con.execute("DELETE FROM calls WHERE NOT stream")

    third = verify.follow(store, audit(store, Window(), source_root=ROOT, only=["stream-responses"]))

    assert (one(third).state, one(third).measured) == ("verified", one(second).measured)


def test_rules_look_only_at_the_calls_since_a_change(tmp_path: Path) -> None:
    """Thirty calls in one piece and ten streams would still look like a site that does not stream."""
    told(tmp_path, "stream-responses", whole, lambda traffic: asked(traffic, 10, output_tokens=600, stream=True))

    later = audit(stores.open(tmp_path / "calls.duckdb"), Window(), source_root=ROOT)

    assert "stream-responses" not in [each.rule for each in (*later.findings, *later.hints)]
    before = Window(until=START + timedelta(seconds=200))
    then = audit(stores.open(tmp_path / "calls.duckdb"), before, source_root=ROOT, only=["stream-responses"])
    assert [each.rule for each in then.findings] == ["stream-responses"]


def test_few_calls_after_the_change_are_applied_and_not_yet_measured(tmp_path: Path) -> None:
    _, second = told(
        tmp_path, "stream-responses", whole, lambda traffic: asked(traffic, 8, output_tokens=600, stream=True)
    )

    assert (one(second).state, one(second).measured) == ("applied", None)


def test_a_fault_that_comes_back_reopens_the_finding_and_a_second_change_counts_again(tmp_path: Path) -> None:
    answers = told(tmp_path, "stream-responses", whole, streamed, whole, streamed)

    assert one(answers[1]).state == "verified"
    assert [each.state for each in answers[2].findings] == ["reopened"]
    assert one(answers[3]).state == "verified"


def test_the_user_may_say_that_a_change_was_made_and_a_change_without_effect_is_not_effective(tmp_path: Path) -> None:
    traffic = Traffic()
    whole(traffic)
    store = traffic.store(tmp_path)
    [finding] = verify.follow(store, audit(store, Window(), source_root=ROOT, only=["stream-responses"])).findings
    at = START + timedelta(seconds=traffic.now)
    states.apply(store, finding.id, at)
    traffic.spans.clear()
    whole(traffic)
    store.append(traffic.spans)

    found = verify.follow(store, audit(store, Window(), source_root=ROOT, only=["stream-responses"]))

    assert one(found).state == "not effective"
    assert one(found).measured is not None


def fresh(traffic: Traffic) -> None:
    varied(traffic, lambda number: {"client": (f"client-{number}", 1), "construction": 0.1, "connection": 0.05})


def shared(traffic: Traffic) -> None:
    varied(traffic, lambda number: {"client": ("shared", number + 1), "construction": 0.1})


def refused(number: int) -> dict[str, Any]:
    """Every third call is lost to overload."""
    if number % 3:
        return {"output_tokens": 100}
    return {"failed": (OVERLOADED, OVERLOADED, OVERLOADED), "error": "overloaded_error", "status": 529}


def overloaded(traffic: Traffic) -> None:
    varied(traffic, refused)


def fallen_back(traffic: Traffic) -> None:
    """As many refusals, but another model answers."""
    line = Line(CHAT.file, 12, "ask")
    for number in range(30):
        with traffic.request():
            traffic.call(line, **refused(number))
            if number % 3 == 0:
                traffic.call(line, output_tokens=100, model="claude-sonnet-5")


def cut_off(traffic: Traffic) -> None:
    def call(number: int) -> dict[str, Any]:
        lost = {"failed": (TIMED_OUT,) * 3, "error": "APITimeoutError"} if number % 3 == 0 else {}
        return {"output_tokens": 170, "timeout": 2.5, "duration": 2.2, **lost}

    varied(traffic, call)


def given_time(traffic: Traffic) -> None:
    asked(traffic, output_tokens=170, timeout=60.0, duration=3.0)


def large(traffic: Traffic) -> None:
    asked(traffic, output_tokens=6, max_tokens=16, model="claude-opus-5")


def small(traffic: Traffic) -> None:
    asked(traffic, output_tokens=6, max_tokens=16, model="claude-haiku-4-5")


def in_turn(traffic: Traffic) -> None:
    for _ in range(20):
        with traffic.request():
            for topic in range(3):
                traffic.call(output_tokens=200, prompt=(f"messages:{topic:016x}:200:-",))
        traffic.idle(5)


def together(traffic: Traffic) -> None:
    for _ in range(20):
        with traffic.request():
            for topic in range(3):
                traffic.call(output_tokens=200, prompt=(f"messages:{topic:016x}:200:-",), advance=topic == 2)
        traffic.idle(5)


def uncached(traffic: Traffic) -> None:
    varied(
        traffic,
        lambda number: {"input_tokens": 12_000, "prompt": (f"{TOOLS}-", f"messages:{number:016x}:200:-")},
    )


def cached(traffic: Traffic) -> None:
    def call(number: int) -> dict[str, Any]:
        return {
            "input_tokens": 12_000,
            "prompt": (f"{TOOLS}5m", f"messages:{number:016x}:200:-"),
            "gen_ai__usage__cache_read__input_tokens": 11_900 if number else 0,
            "gen_ai__usage__cache_write__input_tokens": 0 if number else 11_900,
        }

    varied(traffic, call)


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("enable-prompt-caching", uncached, cached),
        ("reuse-client", fresh, shared),
        ("run-in-parallel", in_turn, together),
        ("raise-timeout", cut_off, given_time),
        ("handle-overload", overloaded, fallen_back),
        ("use-smaller-model", large, small),
    ],
)
def test_the_change_of_each_rule_is_seen_and_measured(
    tmp_path: Path, rule: str, before: Callable[[Traffic], None], after: Callable[[Traffic], None]
) -> None:
    first, second = told(tmp_path, rule, before, after)

    assert [each.rule for each in first.findings] == [rule]
    assert (one(second).state, one(second).rule) == ("verified", rule)


def test_lines_that_move_are_no_change_and_the_finding_is_still_the_same(tmp_path: Path) -> None:
    def moved(traffic: Traffic) -> None:
        traffic.process += 1
        varied(traffic, lambda number: {"at": CHAT._replace(line=99), **refused(number)})

    first, second = told(tmp_path, "handle-overload", overloaded, moved)

    assert [(each.id, each.state) for each in second.findings] == [(first.findings[0].id, "open")]
    assert second.findings[0].site.line == 99
    assert second.followed == []


@pytest.mark.parametrize("statistic", [fmean, median])
@pytest.mark.parametrize("n", [8, 20, 60])
def test_a_change_without_effect_is_called_a_saving_in_at_most_1_of_20_cases(
    n: int, statistic: Callable[[Any], float]
) -> None:
    savings = 0
    for seed in range(100):
        luck = random.Random(seed)
        before, after = ([luck.lognormvariate(0, 0.6) for _ in range(n)] for _ in range(2))
        savings += difference(before, after, statistic).low > 0
    assert savings <= 5


def lucky(luck: random.Random, number: int) -> Call:
    """A call of an application that does not change: lognormal times and costs, one in ten refused."""
    start, took, failed = number * 30 + luck.expovariate(1 / 20), luck.lognormvariate(1, 0.5), luck.random() < 0.1
    return Call(
        start_s=START.timestamp() + start,
        end_s=START.timestamp() + start + took,
        trace_id=f"trace {number // 2}",
        parent_span_id=f"span {number // 2}",
        model="claude-opus-5",
        function="answer",
        stream=False,
        cache_used=False,
        client_calls=2,
        connection_new=False,
        setup_s=luck.lognormvariate(-3, 0.5),
        timeout_s=20.0,
        failed=failed,
        refused=failed,
        limited=False,
        timed_out=luck.random() < 0.1,
        wait_s=None if failed else took,
        ttft_s=None,
        duration_s=took,
        output_tokens=None if failed else 200,
        lost_s=luck.lognormvariate(-1, 1) if failed else 0.0,
        cost_usd=None if failed else luck.lognormvariate(-5, 0.6),
        configuration=("1.0",),
    )


@pytest.mark.parametrize(
    ("rule", "key"),
    [("enable-prompt-caching", ""), ("reuse-client", ""), ("raise-timeout", "raise"), ("handle-overload", "overload")],
)
def test_a_change_that_changed_nothing_is_called_a_saving_in_at_most_5_of_100_applications(rule: str, key: str) -> None:
    verified = 0
    for seed in range(100):
        luck = random.Random(seed)
        calls = [lucky(luck, number) for number in range(100)]
        at = changes_at(calls[50])
        site = Site("shop", "/srv/shop/app/chat.py", 31, "answer")
        said = Followed(
            "id", rule, "title", "finding", site, "claude-opus-5", key, "applied", at, at, at,
            applied_at=at, said=True, seen_until=changes_at(calls[40]),
        )  # fmt: skip
        verified += verify.judge(said, calls, changes_at(calls[-1])).state == "verified"
    assert verified <= 5


def changes_at(call: Call) -> datetime:
    """A call's start as the store has it."""
    return datetime.fromtimestamp(call.start_s, timezone.utc).replace(tzinfo=None)


def test_an_interval_holds_the_truth_and_is_the_same_each_time() -> None:
    luck = random.Random(3)
    before = [luck.gauss(5, 1) for _ in range(100)]
    after = [luck.gauss(3, 1) for _ in range(100)]

    saved = difference(before, after)

    assert saved.low < 2 < saved.high
    assert saved == difference(before, after)


@pytest.mark.parametrize(
    ("shown", "at"),
    [
        ([False] * 10 + [True] * 10, 10),
        ([False] * 10 + [True] + [False] * 3 + [True] * 10, 14),
        ([False, True] * 10, None),
        ([True] * 20, None),
        ([False] * 20, None),
        ([False] * 20 + [True] * 4, None),
        ([None] * 3 + [False] * 10 + [None] + [True] * 10, 14),
        ([], None),
    ],
)
def test_a_change_begins_where_marks_set_in_and_stay(shown: list[bool | None], at: int | None) -> None:
    assert changes.turn(shown) == at


def test_marks_that_are_gone_from_all_the_latest_calls_are_a_relapse() -> None:
    assert changes.relapse([True] * 12 + [False] * 11) == 12
    assert changes.relapse([True] * 12 + [False] * 5) is None
    assert changes.relapse([False] * 30) is None


def test_a_fault_that_is_dismissed_is_not_followed(tmp_path: Path) -> None:
    traffic = Traffic()
    whole(traffic)
    store = traffic.store(tmp_path)
    [finding] = verify.follow(store, audit(store, Window(), source_root=ROOT, only=["stream-responses"])).findings
    states.dismiss(store, finding.id, "internal")
    traffic.spans.clear()
    streamed(traffic)
    store.append(traffic.spans)

    found = verify.follow(store, audit(store, Window(), source_root=ROOT, only=["stream-responses"]))

    assert states.load(store)[finding.id].state == "dismissed"
    assert found.followed == []


def test_a_finding_is_followed_where_calls_after_the_change_make_it_look_like_a_doubt(tmp_path: Path) -> None:
    traffic = Traffic()
    fresh(traffic)
    store = traffic.store(tmp_path)
    found = audit(store, Window(), source_root=ROOT, only=["reuse-client"])
    [finding] = verify.follow(store, found).findings
    doubtful = replace(found, findings=[], hints=[replace(finding, kind="hint")])

    verify.follow(store, doubtful)

    assert states.load(store)[finding.id].kind == "finding"
