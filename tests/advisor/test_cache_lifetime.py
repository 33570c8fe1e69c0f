"""extend-cache-ttl and cache-below-minimum."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.advisor.asking import asked, finding, prompt, silent
from tests.advisor.caching import CachedTraffic

LONG = 24_000


def questions(traffic: CachedTraffic, every_s: float, *, mark: str = "5m", system: int = LONG, n: int = 40) -> None:
    for number in range(n):
        traffic.ask(prompt(("system", "guide", system, mark), ("messages", number, 800)))
        traffic.idle(every_s)


def test_calls_that_come_after_five_minutes_should_keep_an_hour(tmp_path: Path) -> None:
    traffic = CachedTraffic()
    questions(traffic, 900)
    found = finding(traffic, tmp_path, "extend-cache-ttl")
    assert found.evidence["calls_after_expiry"] == 39
    assert '"ttl": "1h"' in found.fix.after
    compile(found.fix.after, "after", "exec")


def test_the_saving_is_one_dear_write_against_forty(tmp_path: Path) -> None:
    traffic = CachedTraffic()
    questions(traffic, 900)
    money = finding(traffic, tmp_path, "extend-cache-ttl").saving.usd_per_1000_calls
    assert money is not None
    assert money.expected == pytest.approx(6_000 * 5e-6 * (40 * 1.25 - 2 - 39 * 0.1) / 40 * 1000)


@pytest.mark.parametrize("head", ["5m", None], ids=["marked head", "head without a marker"])
def test_no_more_is_promised_than_the_expired_entries_cost_to_write_again(tmp_path: Path, head: str | None) -> None:
    """Talks share a long head; a longer life of the entries must not be credited with what talks could share."""
    traffic = CachedTraffic()
    system = ("system", "guide", LONG, head) if head else ("system", "guide", LONG)
    for name in range(12):
        for turn in range(4):
            texts = [("messages", 100 * name + place, 4_000) for place in range(turn + 1)]
            traffic.ask(prompt(system, *texts[:-1], (*texts[-1], "5m")))
            traffic.idle(700)
    found = finding(traffic, tmp_path, "extend-cache-ttl")
    money, tokens = found.saving.usd_per_1000_calls, found.evidence["tokens_written_again"]
    assert money is not None
    assert isinstance(tokens, int)
    # At $5 a million tokens: 1.25 times that for the write, 0.1 times for reading instead.
    assert 48 * money.expected / 1000 <= tokens * 5e-6 * (1.25 - 0.1) * (1 + 1e-9)


def test_only_the_head_needs_the_hour_where_the_conversation_moves_on(tmp_path: Path) -> None:
    traffic = CachedTraffic()
    for name in range(20):
        for turn in range(3):
            texts = [("messages", 100 * name + place, 2_000) for place in range(turn + 1)]
            traffic.ask(prompt(("system", "guide", LONG, "5m"), *texts[:-1], (*texts[-1], "5m")))
            traffic.idle(10)
        traffic.idle(800)
    found = finding(traffic, tmp_path, "extend-cache-ttl")
    assert "marker in the messages" not in found.fix.why


@pytest.mark.parametrize(("every_s", "mark"), [(10, "5m"), (900, "1h"), (4_000, "5m")])
def test_calls_in_time_or_kept_for_an_hour_or_too_rare_for_one_are_left_alone(
    tmp_path: Path, every_s: float, mark: str
) -> None:
    traffic = CachedTraffic()
    questions(traffic, every_s, mark=mark)
    assert silent(traffic, tmp_path, "extend-cache-ttl")


def test_a_marker_below_the_models_minimum_does_nothing_and_promises_nothing(tmp_path: Path) -> None:
    traffic = CachedTraffic()
    questions(traffic, 10, system=1_200)
    found = finding(traffic, tmp_path, "cache-below-minimum")
    assert (found.evidence["longest_marked_tokens"], found.evidence["model_minimum_tokens"]) == (300, 512)
    assert (found.saving.latency_s, found.saving.usd_per_1000_calls) == (None, None)


@pytest.mark.parametrize(("system", "mark"), [(LONG, "5m"), (1_200, "-")])
def test_a_marker_that_works_or_is_not_there_is_left_alone(tmp_path: Path, system: int, mark: str) -> None:
    traffic = CachedTraffic()
    questions(traffic, 10, system=system, mark=mark)
    assert silent(traffic, tmp_path, "cache-below-minimum")


def test_an_hour_saves_no_more_than_what_was_written_again(tmp_path: Path) -> None:
    """Of calls 10 minutes apart most read all the same: the cache was kept alive by calls that nobody recorded."""
    traffic = CachedTraffic()
    for number in range(60):
        for _ in range(3):
            traffic.ask(prompt(("system", "guide", LONG, "5m"), ("messages", number, 800)))
            traffic.idle(5)
        keep_alive = 2 if number % 4 else 0
        for _ in range(keep_alive):
            traffic.idle(200)
            kept = list(traffic.spans)
            traffic.ask(prompt(("system", "guide", LONG, "5m"), ("messages", number, 800)))
            traffic.spans[:] = kept
        traffic.idle(200 if keep_alive else 600)
    answer = asked(traffic, tmp_path, "extend-cache-ttl")
    again = 14 * 6_000 * 5e-6 * (1.25 - 0.1) / 180 * 1000
    for one in [*answer.findings, *answer.hints]:
        assert one.saving.usd_per_1000_calls is not None
        assert one.saving.usd_per_1000_calls.expected <= again * 1.01
