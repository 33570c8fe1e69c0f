from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from firsttoken_dashboard.advisor.findings import Audit
from firsttoken_dashboard.report import machine
from tests.report.audits import FULL, HEALTHY, HOSTILE


def parsed(audit: Audit) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(machine.render(audit))
    return document


@pytest.mark.parametrize("audit", [FULL, HEALTHY, HOSTILE], ids=["full", "healthy", "hostile"])
def test_every_report_follows_the_published_schema(audit: Audit):
    schema = machine.schema()
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.validate(parsed(audit), schema, jsonschema.Draft202012Validator)


def test_a_finding_says_rule_service_site_model_evidence_saving_and_fix():
    finding = parsed(FULL)["findings"][1]

    assert finding["rule"] == "stream-responses"
    assert finding["service"] == "shop"
    assert finding["site"]["file"] == "app/chat.py"
    assert (finding["site"]["line"], finding["site"]["function"]) == (31, "answer")
    assert finding["model"] == "claude-opus-5"
    assert finding["evidence"]["n"] == 1234
    assert finding["saving"]["latency_s"] == {"low": 7.33, "expected": 7.47, "high": 7.69}
    assert finding["saving"]["usd_per_month"] is None
    assert finding["confidence"] == "medium"
    assert set(finding["fix"]) == {"before", "after", "why", "docs"}


def test_says_that_figures_are_simulated():
    assert parsed(FULL)["simulated"] is True
    assert parsed(HEALTHY)["simulated"] is False


def test_a_site_without_a_line_says_what_is_known_instead():
    site = parsed(FULL)["findings"][0]["site"]

    assert site["file"] is None
    assert "POST /ask" in site["label"]


def test_nothing_that_a_span_carried_is_acted_upon_by_a_terminal():
    text = machine.render(HOSTILE)

    assert text.isascii()
    assert text.replace("\n", "").isprintable()


def test_a_megabyte_in_an_attribute_does_not_make_the_report_as_long():
    shortened = {key: value for key, value in parsed(HOSTILE)["findings"][0].items() if key != "fix"}

    assert len(json.dumps(shortened)) < 60_000
