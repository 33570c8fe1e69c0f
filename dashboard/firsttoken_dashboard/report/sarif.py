"""The report as SARIF 2.1.0: code hosts show each finding at its very line.

A finding without a source line, or outside of the source root, cannot be placed: it is left out here.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

from firsttoken._version import __version__
from firsttoken_dashboard.advisor import rules
from firsttoken_dashboard.advisor.findings import Audit, Finding
from firsttoken_dashboard.report import wording

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {"finding": "warning", "hint": "note"}


def render(audit: Audit) -> str:
    """The audit as SARIF text, ASCII only."""
    return json.dumps(document(audit), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def document(audit: Audit) -> dict[str, Any]:
    """The audit as SARIF values; paths are relative to the source root, `%SRCROOT%`."""
    placed = [one for one in (*audit.findings, *audit.hints) if _place(one, audit) is not None]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "firsttoken",
                        "version": __version__,
                        "rules": [
                            {
                                "id": module.RULE.id,
                                "shortDescription": {"text": module.RULE.title},
                                "helpUri": module.RULE.docs,
                            }
                            for module in rules.load({one.rule for one in placed})
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, audit) for one in placed],
            }
        ],
    }


def _place(finding: Finding, audit: Audit) -> str | None:
    """The path within the source root; None where there is none."""
    path = finding.site.path(audit.source_root)
    return None if path is None or path == finding.site.file else path


def _result(finding: Finding, audit: Audit) -> dict[str, Any]:
    simulated = f" {wording.SIMULATED}" if audit.simulated else ""
    return {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.kind],
        "message": {
            "text": f"{wording.clean(finding.title)}. Saves {wording.headline(finding)}. {finding.fix.why}{simulated}"
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(_place(finding, audit) or ""), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": max(finding.site.line or 1, 1)},
                }
            }
        ],
        "partialFingerprints": {"firsttoken/v1": finding.id},
        "properties": {"model": finding.model, "confidence": finding.confidence, "service": finding.site.service},
    }


def _uri(path: str) -> str:
    """A relative path as a URI reference: what is no path character is escaped."""
    return quote(path, safe="/", errors="surrogatepass")
