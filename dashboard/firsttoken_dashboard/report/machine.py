"""The report as JSON, for programs: `report.schema.json` beside this file is its contract."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Final

from firsttoken_dashboard.advisor.findings import Audit, Finding, Json, Range, Saving, Site, SlowFirstToken
from firsttoken_dashboard.report import following
from firsttoken_dashboard.report.wording import moment

#: Raised when a field changes its meaning or goes; new fields do not raise it.
VERSION: Final = 1
#: Keeps a span with a megabyte of text from making the report as long.
LONGEST: Final = 1_000


def schema() -> dict[str, Json]:
    """The JSON Schema (2020-12) that every report follows."""
    text = (resources.files(__package__ or "") / "report.schema.json").read_text(encoding="utf-8")
    document: dict[str, Json] = json.loads(text)
    return document


def render(audit: Audit) -> str:
    """The audit as JSON text, ASCII only, so that no terminal and no log acts upon what a span carried."""
    return json.dumps(document(audit), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def document(audit: Audit) -> dict[str, Any]:
    """The audit as JSON values."""
    return {
        "version": VERSION,
        "calls": audit.n_calls,
        "window": {"from": moment(audit.since), "to": moment(audit.until)},
        "simulated": audit.simulated,
        "sampled": audit.sampled,
        "total": None if audit.total is None else _saving(audit.total),
        "findings": [_finding(one, audit) for one in audit.findings],
        "hints": [_finding(one, audit) for one in audit.hints],
        "set_aside": len(audit.set_aside),
        "followed": [following.document(one, audit.source_root) for one in audit.followed],
        "slow_first_token": [_slow(one, audit) for one in audit.slow_first_token],
        "quiet": [{"service": _short(one.service), "calls": one.n_calls} for one in audit.quiet],
        "checked": [
            {"rule": one.rule, "title": one.title, "outcome": one.outcome, "note": one.note} for one in audit.checked
        ],
    }


def _finding(finding: Finding, audit: Audit) -> dict[str, Any]:
    return {
        "id": finding.id,
        "rule": finding.rule,
        "kind": finding.kind,
        "state": finding.state,
        "title": _short(finding.title),
        "service": _short(finding.site.service),
        "site": _site(finding.site, audit),
        "model": _short(finding.model),
        "evidence": _bounded(finding.evidence),
        "saving": _saving(finding.saving),
        "confidence": finding.confidence,
        "caveats": finding.caveats,
        "effort": finding.effort,
        "risk": finding.risk,
        "fix": {
            "before": finding.fix.before,
            "after": finding.fix.after,
            "why": finding.fix.why,
            "docs": finding.fix.docs,
        },
        "verify": finding.verify,
    }


def _site(site: Site, audit: Audit) -> dict[str, Any]:
    """`file` is relative to the source root where it lies below it; `label` says what is known without a line."""
    return {
        "file": _short(site.path(audit.source_root)),
        "line": site.line,
        "function": _short(site.function),
        "label": _short(site.label(audit.source_root)),
    }


def _slow(slow: SlowFirstToken, audit: Audit) -> dict[str, Any]:
    return {
        "service": _short(slow.site.service),
        "site": _site(slow.site, audit),
        "model": _short(slow.model),
        "calls": slow.n,
        "ttft_p50_s": slow.ttft_p50_s,
        "ttft_p95_s": slow.ttft_p95_s,
        "parts": [{"name": part.name, "seconds": part.seconds, "rule": part.rule} for part in slow.parts],
        "advice": slow.advice,
    }


def _saving(saving: Saving) -> dict[str, Any]:
    return {
        "method": saving.method,
        "latency_s": _range(saving.latency_s),
        "latency_p95_s": _range(saving.latency_p95_s),
        "usd_per_month": _range(saving.usd_per_month),
        "usd_per_1000_calls": _range(saving.usd_per_1000_calls),
        "at_this_rate": saving.at_this_rate,
    }


def _range(value: Range | None) -> dict[str, float] | None:
    return None if value is None else {"low": value.low, "expected": value.expected, "high": value.high}


def _short(text: str | None) -> str | None:
    return text if text is None or len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _bounded(value: Json) -> Json:
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, list):
        return [_bounded(one) for one in value]
    if isinstance(value, dict):
        return {name: _bounded(one) for name, one in value.items()}
    return value
