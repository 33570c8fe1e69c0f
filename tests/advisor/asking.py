"""One rule asked about recorded traffic, and prompts of a given shape."""

from __future__ import annotations

from pathlib import Path

from firsttoken_dashboard import pricing
from firsttoken_dashboard.advisor.audit import audit
from firsttoken_dashboard.advisor.findings import Audit, Finding
from firsttoken_dashboard.analysis import Window
from tests.advisor.traffic import ROOT, Traffic


def asked(traffic: Traffic, folder: Path, *rules: str, prices: pricing.Prices | None = None) -> Audit:
    """The audit of everything recorded, by these rules alone."""
    return audit(traffic.store(folder), Window(), source_root=ROOT, only=rules, prices=prices)


def finding(traffic: Traffic, folder: Path, rule: str) -> Finding:
    """The one finding of that rule; there are no hints beside it."""
    answer = asked(traffic, folder, rule)
    assert [one.rule for one in answer.findings] == [rule]
    assert not answer.hints
    return answer.findings[0]


def hint(traffic: Traffic, folder: Path, rule: str) -> Finding:
    """The one hint of that rule; there is no finding."""
    answer = asked(traffic, folder, rule)
    assert not answer.findings
    assert [one.rule for one in answer.hints] == [rule]
    return answer.hints[0]


def silent(traffic: Traffic, folder: Path, rule: str) -> bool:
    """Whether the rule judged and found nothing, not even a hint."""
    answer = asked(traffic, folder, rule)
    assert [one.outcome for one in answer.checked] == ["good"]
    return not answer.findings and not answer.hints


def prompt(*blocks: tuple[str, str | int, int] | tuple[str, str | int, int, str]) -> list[str]:
    """`firsttoken.prompt.blocks` of (section, text's name, characters[, mark])."""
    return [f"{section}:{_hash(name)}:{chars}:{mark[0] if mark else '-'}" for section, name, chars, *mark in blocks]


def _hash(name: str | int) -> str:
    return f"{name:016x}" if isinstance(name, int) else name.encode().hex()[:16].ljust(16, "0")
