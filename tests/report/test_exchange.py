from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from firsttoken_dashboard.advisor.findings import Audit
from firsttoken_dashboard.report import html, junit, sarif
from tests.report.audits import FULL, HEALTHY, HOSTILE

_TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
_PLACE = {
    "type": "object",
    "required": ["artifactLocation", "region"],
    "properties": {
        "artifactLocation": {
            "type": "object",
            "required": ["uri"],
            "properties": {"uri": {"type": "string", "pattern": r"^[^\s\\]+$"}},
        },
        "region": {"type": "object", "required": ["startLine"], "properties": {"startLine": {"minimum": 1}}},
    },
}
_RESULT = {
    "type": "object",
    "required": ["ruleId", "level", "message", "locations", "partialFingerprints"],
    "properties": {
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": _TEXT,
        "locations": {
            "type": "array",
            "items": {"type": "object", "required": ["physicalLocation"], "properties": {"physicalLocation": _PLACE}},
        },
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_RULE = {
    "type": "object",
    "required": ["id", "shortDescription", "helpUri"],
    "properties": {"id": {"type": "string"}, "shortDescription": _TEXT, "helpUri": {"pattern": "^https://"}},
}
SARIF_SHAPE = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {"name": {"type": "string"}, "rules": {"items": _RULE}},
                            }
                        },
                    },
                    "results": {"type": "array", "items": _RESULT},
                },
            },
        },
    },
}


def results(audit: Audit) -> list[dict[str, Any]]:
    document: dict[str, Any] = json.loads(sarif.render(audit))
    [run] = document["runs"]
    found: list[dict[str, Any]] = run["results"]
    return found


def test_sarif_marks_the_very_line_by_a_path_below_the_source_root():
    """The finding without a source line cannot be placed and is left out."""
    stream, hint = results(FULL)

    place = stream["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "app/chat.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"]["startLine"] == 31
    assert (stream["level"], hint["level"]) == ("warning", "note")
    assert stream["ruleId"] == "stream-responses"


def test_sarif_knows_a_finding_again_by_its_identity():
    [stream, _] = results(FULL)

    assert stream["partialFingerprints"]["firsttoken/v1"] == FULL.findings[1].id


@pytest.mark.parametrize("audit", [FULL, HEALTHY, HOSTILE], ids=["full", "healthy", "hostile"])
def test_sarif_has_the_shape_that_code_hosts_ask_for(audit: Audit):
    """What OASIS's schema of 2.1.0 requires of the parts that are used here, and what GitHub says it reads."""
    jsonschema.validate(json.loads(sarif.render(audit)), SARIF_SHAPE, jsonschema.Draft202012Validator)
    document: dict[str, Any] = json.loads(sarif.render(audit))
    [run] = document["runs"]
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(ids) == len(set(ids))
    for result in run["results"]:
        assert result["ruleId"] in ids


def test_sarif_is_harmless_and_short_whatever_a_span_carried():
    text = sarif.render(HOSTILE)

    assert text.isascii()
    assert "\\u001b" not in results(HOSTILE)[0]["message"]["text"]


def test_junit_has_a_case_for_each_rule():
    suite = ET.fromstring(junit.render(FULL)).find("testsuite")
    assert suite is not None

    cases = {case.get("name"): case for case in suite}
    failure = cases["stream-responses"].find("failure")
    assert failure is not None
    assert "app/chat.py:31" in (failure.text or "")
    assert cases["trim-output"].find("failure") is None
    assert cases["reuse-client"].find("skipped") is not None
    assert suite.get("failures") == "2"


@pytest.mark.parametrize("audit", [FULL, HEALTHY, HOSTILE], ids=["full", "healthy", "hostile"])
def test_junit_is_xml_whatever_a_span_carried(audit: Audit):
    assert ET.fromstring(junit.render(audit)).tag == "testsuites"


def test_the_page_names_what_to_change_where_and_what_it_saves():
    page = html.render(FULL)

    assert "app/chat.py:31 in answer" in page
    assert "client.messages.stream(model=&quot;claude-opus-5&quot;" in page
    assert "<svg" in page
    assert "Simulated" in page


@pytest.mark.parametrize("audit", [FULL, HEALTHY, HOSTILE], ids=["full", "healthy", "hostile"])
def test_the_page_needs_no_network_and_runs_nothing(audit: Audit):
    page = html.render(audit)

    assert "<script" not in page
    assert not re.search(r"""(src|@import|url\()\s*=?\s*['"]?https?:""", page)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page)
    assert len(page) < 100_000
