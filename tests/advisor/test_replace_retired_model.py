from __future__ import annotations

import pytest

from tests.advisor.conftest import Ask
from tests.advisor.traffic import CHAT, Attempt, Traffic

RULE = "replace-retired-model"


def test_calls_that_fail_because_their_model_is_gone_are_found(ask: Ask):
    traffic = Traffic()
    gone = Attempt("not_found_error", 404, 0.1)
    for _ in range(5):
        traffic.call(model="claude-sonnet-4-20250514", failed=[gone], error="not_found_error", status=404)

    [finding] = ask(traffic, RULE).findings

    assert finding.evidence["calls_failed"] == 5
    assert 'model="claude-sonnet-5-5"' in finding.fix.after
    assert finding.site.line == CHAT.line


def test_a_model_that_goes_within_the_month_is_found_with_its_day(ask: Ask):
    """Recorded on 20 November 2026; Sonnet 4.5 goes on the 30th."""
    traffic = Traffic()
    for _ in range(25):
        traffic.call(model="claude-sonnet-4-5-20250929")

    [finding] = ask(traffic, RULE).findings

    assert "30 Nov 2026" in finding.title


@pytest.mark.parametrize("model", ["claude-opus-5", "claude-haiku-4-5", "somebody-elses-model"])
def test_silent_for_models_that_stay_and_for_those_that_nobody_knows(ask: Ask, model: str):
    traffic = Traffic()
    for _ in range(25):
        traffic.call(model=model)

    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints
