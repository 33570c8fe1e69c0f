"""The total of all findings: the calls run again with every fix at once."""

from __future__ import annotations

import datetime as dt
from itertools import chain, combinations
from pathlib import Path

import pytest

from firsttoken_dashboard import analysis, pricing
from firsttoken_dashboard.advisor import together
from firsttoken_dashboard.advisor.audit import audit
from firsttoken_dashboard.advisor.estimate import Rates
from firsttoken_dashboard.advisor.findings import Finding, Fix, Range, Saving, Site
from firsttoken_dashboard.advisor.fit import LatencyFit
from firsttoken_dashboard.advisor.prompts import Block
from firsttoken_dashboard.advisor.recorded import Recording
from firsttoken_dashboard.advisor.replay import CacheUse, Mark, Recorded, Request, requests
from firsttoken_dashboard.advisor.rules import Context
from firsttoken_dashboard.advisor.sites import Declared, locate
from firsttoken_dashboard.advisor.together import Change
from firsttoken_dashboard.analysis import Window
from firsttoken_dashboard.demo.api import cache as api
from tests.advisor.traffic import ROOT, Traffic

PRICES = pricing.load()
START = dt.datetime(2026, 11, 20, tzinfo=dt.timezone.utc).timestamp()
LARGE, SMALL = "claude-opus-5", "claude-haiku-5-5"
GUIDE, QUESTION, OUTPUT = 6_000, 40, 700
GAPS_S = (0.4, 3.0, 200.0, 290.0, 310.0, 5.0, 700.0, 60.0, 0.4, 30.0) * 3
CONTEXT = Context(Window(), Rates(None, None), {}, PRICES, LatencyFit(PRICES, {}))


def at_the_guide(_: Request) -> list[Mark]:
    return [Mark(0, "5m")]


CHANGES = {
    "caching": Change(1, LARGE, marks=at_the_guide),
    "smaller model": Change(1, LARGE, other_model=SMALL),
    "fewer tokens": Change(1, LARGE, output_spared=450),
    "a batch": Change(1, LARGE, batch=1.0),
}
PARTS = [frozenset(part) for part in chain.from_iterable(combinations(CHANGES, size) for size in range(5))]


def starts() -> list[float]:
    return [START + sum(GAPS_S[:number]) for number in range(len(GAPS_S))]


def recording() -> Recording:
    """A guide and a question, unmarked, some of them further apart than five minutes or before the first answer."""
    calls = [
        Recorded(
            at,
            1.0,
            512,
            (Block("system", "guide", GUIDE * 4, None), Block("messages", f"q{number}", QUESTION * 4, None)),
            (LARGE, None),
            None,
            None,
            CacheUse(GUIDE + QUESTION, 0, 0, 0),
        )
        for number, at in enumerate(starts())
    ]
    model = PRICES.models[LARGE]
    price = model.price(dt.date(2026, 11, 20), GUIDE)
    assert price is not None
    n = len(calls)
    return Recording(model, calls, requests(calls, PRICES.cache), [price] * n, [1.0] * n, [OUTPUT] * n)


def by_hand(part: frozenset[str]) -> float:
    """The mean call's dollars, from the look-alike API's own cache and the price list."""
    model = SMALL if "smaller model" in part else LARGE
    cache, usd = api.PromptCache(), 0.0
    for number, at in enumerate(starts()):
        mark = "5m" if "caching" in part else None
        blocks = [api.Block("guide", GUIDE, mark), api.Block(f"q{number}", QUESTION)]
        use = cache.use(blocks, minimum=512, now=at, begins_in_s=1.0)
        output = OUTPUT - 450 * ("fewer tokens" in part)
        cost = PRICES.cost(
            model,
            dt.date(2026, 11, 20),
            use.uncached,
            use.read,
            use.write_5m,
            use.write_1h,
            output,
            batch="a batch" in part,
        )
        assert cost is not None
        usd += cost
    return usd / len(GAPS_S)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: " and ".join(sorted(part)) or "nothing")
def test_any_fixes_together_cost_what_the_calls_cost_with_all_of_them(part: frozenset[str]) -> None:
    changes = [CHANGES[name] for name in part]
    assert together.usd_per_call(recording(), changes, CONTEXT, replayed=True) == pytest.approx(by_hand(part))


def test_what_is_dropped_is_saved_only_once() -> None:
    """A call that is no longer made cannot be made cheaper as well."""
    ledger = recording()
    usd = together.usd_per_call(ledger, [], CONTEXT, replayed=True)
    half = Change(1, LARGE, usd_not_spent=usd / 2)
    cheaper = together.usd_per_call(ledger, [CHANGES["smaller model"]], CONTEXT, replayed=True)
    both = together.usd_per_call(ledger, [half, CHANGES["smaller model"]], CONTEXT, replayed=True)
    assert both == pytest.approx(cheaper / 2)


def small_questions() -> Traffic:
    """A long guide before short questions, which a large model answers in a word."""
    traffic = Traffic()
    for number in range(60):
        with traffic.request():
            prompt = ("system:00aa00aa00aa00aa:24000:-", f"messages:{number:016x}:160:-")
            traffic.call(prompt=prompt, input_tokens=GUIDE + QUESTION, output_tokens=20, stream=True)
        traffic.idle(10)
    return traffic


def test_two_findings_about_the_same_calls_save_less_than_their_sum_and_more_than_either(tmp_path: Path) -> None:
    answer = audit(
        small_questions().store(tmp_path),
        Window(),
        source_root=ROOT,
        only={"enable-prompt-caching", "use-smaller-model"},
    )
    money = {one.id: one.saving.usd_per_month for one in answer.findings}
    assert {one.rule for one in answer.findings} == {"enable-prompt-caching", "use-smaller-model"}
    each = [one.expected for one in money.values() if one is not None]
    assert answer.total is not None
    both = answer.total.usd_per_month
    assert both is not None
    assert max(each) < both.expected < sum(each)
    assert answer.total.method == "replayed"
    for name, own in money.items():
        alone = together.total(answer.together, [name], Rates(answer.since, answer.until), answer.weight)
        assert alone is not None
        assert alone.usd_per_month == own
    assert together.total(answer.together, [], Rates(answer.since, answer.until), answer.weight) is None


def test_where_prompts_are_not_recorded_the_mean_call_stands_for_all(tmp_path: Path) -> None:
    """Half the output tokens at a tenth of the price: 0.05 of the output, not 0.5 + 0.9 of it."""
    traffic = Traffic()
    for _ in range(30):
        traffic.call(input_tokens=1_000, output_tokens=400, without=["firsttoken.prompt.blocks"])
    window = Window()
    with traffic.store(tmp_path).read() as con:
        [site_id] = locate(con, window, root=ROOT, said=Declared())
        analysis.rows(con, "audited", window, package="firsttoken_dashboard.advisor", most=1000)
        context = Context(window, Rates(None, None), {}, PRICES, LatencyFit(PRICES, {}))
        shorter = promise(Change(site_id, LARGE, output_spared=200), usd(LARGE, 400) - usd(LARGE, 200))
        smaller = promise(Change(site_id, LARGE, other_model=SMALL), usd(LARGE, 400) - usd(SMALL, 400))
        [group] = together.groups(con, [shorter, smaller], context)
    both = group.usd_per_month[frozenset({shorter.id, smaller.id})]
    assert both.expected == pytest.approx(1_000 * (usd(LARGE, 400) - usd(SMALL, 200)))


def usd(model: str, output: int) -> float:
    cost = PRICES.cost(model, dt.date(2026, 11, 20), 1_000, 0, 0, 0, output)
    assert cost is not None
    return cost


def promise(change: Change, usd_per_call: float) -> Finding:
    """A finding that promises this for a thousand calls a month."""
    money = Range.exactly(1_000 * usd_per_call)
    return Finding(
        rule=str(change),
        title="",
        site=Site("shop"),
        model=LARGE,
        evidence={},
        saving=Saving("modelled", usd_per_month=money, usd_per_1000_calls=money),
        confidence="high",
        caveats="",
        fix=Fix("", "", "", ""),
        verify="",
        change=change,
    )
