"""How reports tell what became of findings: those set aside, those whose change was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firsttoken_dashboard.advisor.findings import Audit
from firsttoken_dashboard.advisor.followed import Followed, Measured, Unit
from firsttoken_dashboard.report import wording


def aside(audit: Audit) -> str | None:
    """How many findings are not shown, because the user said so; None for none."""
    number = len(audit.set_aside)
    if not number:
        return None
    dismissed = sum(one.state == "dismissed" for one in audit.set_aside)
    kinds = [(dismissed, "dismissed"), (number - dismissed, "snoozed")]
    told = ", ".join(f"{count} {word}" for count, word in kinds if count)
    return f"Not shown: {told}; `firsttoken findings list` has them."


def told(one: Followed) -> str | None:
    """What is known beside the state: the reason, until when, what was measured. None for nothing. Safe to show."""
    if one.state == "dismissed":
        return wording.clean(f"because: {one.because or 'no reason given'}", wording.LONGEST_CODE)
    if one.state == "snoozed" and one.until is not None:
        return f"until {one.until:%Y-%m-%d %H:%M} UTC"
    if one.measured is not None:
        return sentence(one.measured)
    if one.applied_at is not None:
        return f"changed {one.applied_at:%Y-%m-%d %H:%M} UTC; too few calls since then to measure"
    return None


def headline(one: Followed) -> str:
    """A followed finding's state and saving in a few words."""
    if one.measured is None:
        return one.state
    saved = one.measured.saving
    return f"{one.state}: saves {_figure(saved.expected, one.measured.unit)} {_each(one.measured)}"


def sentence(measured: Measured) -> str:
    """Before, after and the saving with its interval."""
    unit, saved = measured.unit, measured.saving
    before, after, expected, low, high = (
        _figure(value, unit) for value in (measured.before, measured.after, saved.expected, saved.low, saved.high)
    )
    return (
        f"{measured.measure}: {before} before, {after} after; saves {expected} {_each(measured)} ({low} to {high}, "
        f"{measured.n_before} and {measured.n_after} observations)"
    )


def document(one: Followed, root: Path | None) -> dict[str, Any]:
    """A followed finding as JSON values. Times are ISO 8601, UTC."""
    return {
        "id": one.id,
        "rule": one.rule,
        "title": wording.clean(one.title),
        "state": one.state,
        "since": wording.moment(one.since),
        "service": _cleaned(one.site.service),
        "site": {
            "file": _cleaned(one.site.path(root)),
            "line": one.site.line,
            "function": _cleaned(one.site.function),
            "label": wording.clean(one.site.label(root)),
        },
        "model": _cleaned(one.model),
        "applied_at": wording.moment(one.applied_at),
        "snoozed_until": wording.moment(one.until),
        "dismissed_because": one.because,
        "measured": None if one.measured is None else _measured(one.measured),
    }


def _measured(one: Measured) -> dict[str, Any]:
    return {
        "measure": one.measure,
        "unit": one.unit,
        "per": one.per,
        "before": one.before,
        "after": one.after,
        "saving": {"low": one.saving.low, "expected": one.saving.expected, "high": one.saving.high},
        "n_before": one.n_before,
        "n_after": one.n_after,
    }


def _each(measured: Measured) -> str:
    """What a saving is of: dollars of a single call are too small to read."""
    if measured.unit == "usd":
        return f"per 1,000 {measured.per}s"
    return f"of all {measured.per}s" if measured.unit == "share" else f"a {measured.per}"


def _figure(value: float, unit: Unit) -> str:
    if unit == "s":
        return wording.seconds(value)
    return wording.dollars(1000 * value) if unit == "usd" else f"{100 * value:.1f} %"


def _cleaned(text: str | None) -> str | None:
    return None if text is None else wording.clean(text)
