"""compact-context: conversations that carry everything that was ever said."""

from __future__ import annotations

from pathlib import Path

from tests.advisor.asking import finding, prompt, silent
from tests.advisor.caching import CachedTraffic

RULE = "compact-context"


def conversations(traffic: CachedTraffic, *, turns: int, chars: int, mark: str = "-", n: int = 3) -> None:
    """Two blocks a turn: what was answered, and a tool's result or a question."""
    for name in range(1, n + 1):
        texts: list[tuple[str, str | int, int]] = []
        for turn in range(turns):
            texts += [("messages", 10_000 * name + 2 * turn + place, chars // 2) for place in (0, 1)]
            hidden, shown = texts[:-24], texts[-24:]
            prior = [("prior", f"{name}{turn}", sum(one[2] for one in hidden))] if hidden else []
            blocks = prompt(("system", "guide", 8_000, mark), *prior, *shown[:-1], (*shown[-1], mark))
            traffic.ask(blocks)
            traffic.idle(10)


def test_conversations_that_grow_past_the_trigger_uncached_should_be_summed_up(tmp_path: Path) -> None:
    traffic = CachedTraffic()
    conversations(traffic, turns=30, chars=24_000)
    found = finding(traffic, tmp_path, RULE)
    assert (found.evidence["conversations"], found.evidence["most_turns"]) == (3, 30)
    assert "compact_20260112" in found.fix.after
    assert found.saving.usd_per_1000_calls is not None
    assert found.saving.usd_per_1000_calls.low > 0
    compile(found.fix.after, "after", "exec")


def test_conversations_that_stay_short_are_left_alone(tmp_path: Path) -> None:
    traffic = CachedTraffic()
    conversations(traffic, turns=12, chars=24_000)
    assert silent(traffic, tmp_path, RULE)


def test_long_prompts_that_are_no_conversation_are_left_alone(tmp_path: Path) -> None:
    traffic = CachedTraffic()
    for number in range(40):
        traffic.ask(prompt(("system", "guide", 8_000), ("messages", number, 600_000)))
    assert silent(traffic, tmp_path, RULE)
