"""What a call costs: golden usages, and the names under which a model is known."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from firsttoken_dashboard import pricing

PRICES = pricing.load()
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.timezone.utc)
#: uncached, cache read, 5 min write, 1 h write, output
USAGE = (1_000, 200_000, 30_000, 4_000, 5_000)


def cents(model: str, *usage: int, **how: object) -> float | None:
    cost = PRICES.cost(model, NOW, *usage, **how)  # pyright: ignore[reportArgumentType]
    return None if cost is None else round(100 * cost, 6)


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        # 0.001 * in + 0.2 * read + 0.03 * w5 + 0.004 * w1 + 0.005 * out
        ("claude-fable-5-2", 0.008 + 0.04 + 0.3 + 0.064 + 0.2),
        ("claude-mythos-5-1", 0.01 + 0.05 + 0.375 + 0.08 + 0.25),
        ("claude-fable-5", 0.01 + 0.2 + 0.375 + 0.08 + 0.25),
        ("claude-opus-5-5", 0.004 + 0.04 + 0.15 + 0.032 + 0.1),
        ("claude-opus-5", 0.005 + 0.1 + 0.1875 + 0.04 + 0.125),
        ("claude-opus-4-8", 0.005 + 0.1 + 0.1875 + 0.04 + 0.125),
        ("claude-sonnet-5-5", 0.002 + 0.02 + 0.075 + 0.016 + 0.05),
        ("claude-sonnet-5", 0.002 + 0.04 + 0.075 + 0.016 + 0.05),
        ("claude-sonnet-4-6", 0.003 + 0.06 + 0.1125 + 0.024 + 0.075),
        # 235,000 tokens of input: the whole call is in the tier above 100,000.
        ("claude-haiku-5-5", 0.0005 + 0.01 + 0.01875 + 0.004 + 0.0125),
        ("claude-haiku-4-5", 0.001 + 0.02 + 0.0375 + 0.008 + 0.025),
    ],
)
def test_a_call_is_priced_to_the_cent_with_both_kinds_of_cache_write_apart(model: str, usd: float) -> None:
    assert cents(model, *USAGE) == round(100 * usd, 6)


def test_haiku_5_5_charges_every_token_more_from_the_first_token_over_100k_cache_included() -> None:
    assert cents("claude-haiku-5-5", 50_000, 50_000, 0, 0, 1_000) == round(100 * (0.005 + 0.0005 + 0.0005), 6)
    assert cents("claude-haiku-5-5", 50_000, 50_001, 0, 0, 1_000) == round(100 * (0.025 + 0.00250005 + 0.0025), 6)


def test_batch_halves_and_fast_doubles_and_the_us_adds_a_tenth() -> None:
    plain = cents("claude-opus-5-5", *USAGE)
    assert plain is not None
    assert cents("claude-opus-5-5", *USAGE, batch=True) == round(plain / 2, 6)
    assert cents("claude-opus-5-5", *USAGE, speed="fast") == round(plain * 2, 6)
    assert cents("claude-opus-5-5", *USAGE, geo="us") == round(plain * 1.1, 6)
    assert cents("claude-opus-5-5", *USAGE, geo="us", speed="fast") == round(plain * 2.2, 6)


def test_a_premium_that_a_model_does_not_have_is_not_charged() -> None:
    assert cents("claude-opus-4-5", *USAGE, geo="us") == cents("claude-opus-4-5", *USAGE)
    assert cents("claude-opus-4-6", *USAGE, speed="fast") == cents("claude-opus-4-6", *USAGE)


@pytest.mark.parametrize(
    ("model", "how"),
    [
        ("claude-opus-6", {}),
        ("gpt-5", {}),
        ("", {}),
        ("claude-mythos-preview", {}),
        ("claude-sonnet-5-5", {"speed": "fast"}),
        ("claude-opus-5-5", {"speed": "fast", "batch": True}),
        ("claude-opus-5-5", {"geo": "mars"}),
    ],
)
def test_what_has_no_known_price_costs_unknown_never_a_guess(model: str, how: dict[str, object]) -> None:
    assert cents(model, *USAGE, **how) is None


def test_a_count_that_is_not_known_makes_the_cost_unknown() -> None:
    for missing in range(5):
        usage = [None if place == missing else count for place, count in enumerate(USAGE)]
        assert PRICES.cost("claude-opus-5", NOW, *usage) is None


def test_a_call_is_priced_by_the_list_of_its_day() -> None:
    long = (250_000, 0, 0, 0, 1_000)
    assert PRICES.cost("claude-opus-4-6", dt.date(2026, 3, 12), *long) == pytest.approx(2.5 + 0.0375)
    assert PRICES.cost("claude-opus-4-6", dt.date(2026, 3, 13), *long) == pytest.approx(1.25 + 0.025)


def test_a_call_dated_before_the_first_known_price_has_that_one() -> None:
    assert PRICES.cost("claude-opus-5-5", dt.date(2020, 1, 1), 1_000_000, 0, 0, 0, 0) == pytest.approx(4)


def test_web_searches_are_charged_apiece() -> None:
    assert cents("claude-sonnet-5", 0, 0, 0, 0, 0, web_searches=3) == pytest.approx(3)


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("claude-haiku-4-5", "claude-haiku-4-5"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-opus-4-0", "claude-opus-4"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("anthropic.claude-opus-5-5", "claude-opus-5-5"),
        ("global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("anthropic.claude-3-haiku-20240307-v1:0:48k", "claude-3-haiku"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
            "claude-haiku-4-5",
        ),
        ("claude-opus-4-5@20251101", "claude-opus-4-5"),
        ("claude-sonnet-5-5@default", "claude-sonnet-5-5"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("claude-opus-4-6[1m]", "claude-opus-4-6"),
    ],
)
def test_a_model_is_known_by_alias_dated_id_and_the_names_clouds_give_it(written: str, known: str) -> None:
    model = PRICES.model(written)
    assert model is not None
    assert model.id == known


@pytest.mark.parametrize("name", [None, "claude-opus-6-20270101", "my-claude-opus-5", "claude-opus-5-5-turbo"])
def test_a_name_that_only_looks_like_a_model_is_not_known(name: str | None) -> None:
    assert PRICES.model(name) is None


def test_a_model_is_deprecated_from_the_announcement_and_retired_from_the_day() -> None:
    model = PRICES.models["claude-sonnet-4-5"]
    assert model.status(dt.date(2026, 11, 29)) == "deprecated"
    assert model.status(dt.date(2026, 11, 30)) == "retired"


def test_newer_models_make_three_tenths_more_tokens_of_a_text() -> None:
    old, new = PRICES.models["claude-haiku-4-5"], PRICES.models["claude-haiku-5-5"]
    assert PRICES.tokens_ratio(old, new) == pytest.approx(1.3)
    assert PRICES.tokens_ratio(new, new) == 1


def test_every_figure_names_its_source() -> None:
    for model in PRICES:
        assert model.sources
        assert {*model.sources, *(figure.source for figure in model.published)} <= PRICES.sources.keys()
    assert {figure.source for figure in PRICES.guide.values()} == {"guide"}


def test_a_models_file_of_ones_own_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    overlay = tmp_path / "models.toml"
    overlay.write_text(
        "[cache]\nttl_5m_s = 3\n"
        '[[models]]\nid = "claude-opus-5"\nmin_cache_tokens = 64\n'
        '[[models]]\nid = "in-house"\nname = "In house"\nfamily = "own"\nprices = [{ input = 1, output = 2 }]\n'
    )
    prices = pricing.load(overlay)
    assert (prices.cache.ttl_5m_s, prices.cache.ttl_1h_s) == (3, 3600)
    assert prices.models["claude-opus-5"].min_cache_tokens == 64
    assert prices.cost("claude-opus-5", NOW, *USAGE) == PRICES.cost("claude-opus-5", NOW, *USAGE)
    assert prices.cost("in-house", NOW, 1_000_000, 0, 0, 0, 1_000_000) == pytest.approx(3)


@pytest.mark.parametrize("text", ["[[models]]\nid = 'x'", "not toml", "[cache]\nttl_5m_s = 'soon'"])
def test_a_models_file_that_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    overlay = tmp_path / "models.toml"
    overlay.write_text(text)
    with pytest.raises(pricing.PricesError, match=r"models file .*models.toml"):
        pricing.load(overlay)
