"""use-smaller-model: where a large model is asked small things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.advisor.asking import asked, finding, silent
from tests.advisor.traffic import Line, Traffic

RULE = "use-smaller-model"
LABEL = Line("/srv/shop/app/label.py", 8, "label")


def labels(n: int = 40, **how: Any) -> Traffic:
    traffic = Traffic()
    call: dict[str, Any] = {"at": LABEL, "input_tokens": 400, "output_tokens": 12, **how}
    for _ in range(n):
        traffic.call(**call)
        traffic.idle(5)
    return traffic


@pytest.mark.parametrize("model", ["claude-opus-5", "claude-sonnet-4-5", "claude-fable-5-2"])
def test_a_large_model_that_gives_short_answers_could_be_a_small_one(tmp_path: Path, model: str) -> None:
    found = finding(labels(model=model), tmp_path, RULE)
    assert (found.site.file, found.site.line, found.site.function) == LABEL
    assert f'model="{model}"' in found.fix.before
    assert 'model="claude-haiku-5-5"' in found.fix.after
    assert "compare" in found.caveats


def test_the_money_is_the_difference_of_the_list_prices(tmp_path: Path) -> None:
    money = finding(labels(), tmp_path, RULE).saving.usd_per_1000_calls
    assert money is not None
    assert money.expected == pytest.approx(400 * 0.005 + 12 * 0.025 - 400 * 0.0001 - 12 * 0.0005)


def test_a_tokenizer_that_makes_more_tokens_is_reckoned_with(tmp_path: Path) -> None:
    money = finding(labels(model="claude-sonnet-4-5"), tmp_path, RULE).saving.usd_per_1000_calls
    assert money is not None
    assert money.expected == pytest.approx(400 * 0.003 + 12 * 0.015 - 520 * 0.0001 - 16 * 0.0005)


def test_the_seconds_come_from_the_applications_own_calls_of_the_small_model(tmp_path: Path) -> None:
    traffic = labels(60, output_tokens=100)
    for number in range(60):
        traffic.first_token_s, traffic.tokens_per_second = 0.3, 160
        traffic.call(model="claude-haiku-5-5", stream=True, input_tokens=400 + 10 * number, output_tokens=400)
    latency = finding(traffic, tmp_path, RULE).saving.latency_s
    assert latency is not None
    slow, quick = 0.8 + 400 * 0.00012 + 100 / 80, 0.3 + 400 * 0.00012 + 100 / 160
    assert latency.low < slow - quick < latency.high
    assert latency.high - latency.low < latency.expected


@pytest.mark.parametrize(
    "how",
    [
        {"output_tokens": 600},
        {"input_tokens": 20_000},
        {"firsttoken__request__tool_count": 3},
        {"thinking_tokens": 8},
        {"gen_ai__request__reasoning__level": "max"},
        {"gen_ai__response__finish_reasons": ["tool_use"]},
        {"model": "claude-haiku-4-5"},
        {"model": "claude-opus-99"},
    ],
    ids=lambda how: str(next(iter(how.items()))),
)
def test_what_a_small_model_may_not_manage_is_left_alone(tmp_path: Path, how: dict[str, Any]) -> None:
    assert silent(labels(**how), tmp_path, RULE)


def test_a_site_that_asks_the_small_model_first_is_left_alone(tmp_path: Path) -> None:
    traffic = labels()
    for _ in range(40):
        traffic.call(at=LABEL, model="claude-haiku-5-5", input_tokens=400, output_tokens=12)
    assert silent(traffic, tmp_path, RULE)


def test_turns_of_one_conversation_are_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    for _ in range(20):
        with traffic.request():
            for _ in range(3):
                traffic.call(at=LABEL, output_tokens=40)
    assert silent(traffic, tmp_path, RULE)


def test_few_calls_make_a_hint(tmp_path: Path) -> None:
    answer = asked(labels(8), tmp_path, RULE)
    assert [one.rule for one in answer.hints] == [RULE]
    assert not answer.findings
