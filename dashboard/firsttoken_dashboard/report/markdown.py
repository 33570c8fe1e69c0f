"""The report as Markdown, for a pull request or a wiki."""

from __future__ import annotations

import html
import re
from typing import Final

from firsttoken_dashboard.advisor.findings import Audit, Finding, SlowFirstToken
from firsttoken_dashboard.report import following, wording

#: What Markdown would read as markup in running text.
_SPECIAL: Final = re.compile(r"([\\`*_\[\]|~])")


def render(audit: Audit) -> str:
    """The whole report."""
    calls = f"{audit.n_calls:,} {'call' if audit.n_calls == 1 else 'calls'}"
    lines = ["# firsttoken report", "", f"{calls}, {wording.period(audit)}"]
    if audit.simulated:
        lines += ["", f"> {wording.SIMULATED}"]
    if audit.sampled:
        lines += ["", f"> {wording.SAMPLED}"]
    if audit.findings:
        lines += ["", *_overview(audit)]
        for number, finding in enumerate(audit.findings, 1):
            lines += ["", *_finding(number, finding, audit)]
    else:
        lines += ["", "**Nothing to change**: no rule found a fault in these calls."]
    if audit.hints:
        lines += ["", "## Worth a look", ""]
        lines += [_hint(finding, audit) for finding in audit.hints]
    if audit.slow_first_token:
        lines += ["", "## Slow first token", ""]
        lines += [_slow(slow, audit) for slow in audit.slow_first_token]
    if audit.followed:
        lines += ["", "## Changed since", "", "| | rule | where | measured |", "|---|---|---|---|"]
        lines += [
            f"| {one.state} | `{one.rule}` | {_text(one.site.label(audit.source_root))} | "
            f"{_text(following.told(one) or '')} |"
            for one in audit.followed
        ]
    if (aside := following.aside(audit)) is not None:
        lines += ["", aside]
    lines += ["", *_checked(audit)]
    return "\n".join(lines) + "\n"


def _overview(audit: Audit) -> list[str]:
    lines = ["## What to change", "", "| | rule | where | saves |", "|---|---|---|---|"]
    lines += [
        f"| {number} | `{finding.rule}` | {_text(finding.site.label(audit.source_root))} | "
        f"{_text(wording.headline(finding))} |"
        for number, finding in enumerate(audit.findings, 1)
    ]
    if (together := wording.total(audit)) is not None:
        lines += ["", f"Together: {_text(together)}; savings at one place are not added twice."]
    return lines


def _finding(number: int, finding: Finding, audit: Audit) -> list[str]:
    n = finding.evidence.get("n")
    about = [f"`{finding.rule}`", _text(finding.site.label(audit.source_root))]
    if finding.model:
        about.append(_text(finding.model))
    if isinstance(n, int):
        about.append(f"{n:,} {'call' if n == 1 else 'calls'}")
    numbers = [f"{_text(label)} {_text(value)}" for label, value in wording.evidence_lines(finding.evidence)]
    return [
        f"### {number}. {_text(finding.title)}",
        "",
        ", ".join(about),
        "",
        _text(finding.fix.why),
        "",
        "Before:",
        *_code(finding.fix.before),
        "",
        "After:",
        *_code(finding.fix.after),
        "",
        *[f"- Saves {_text(line)}" for line in wording.saving_lines(finding.saving) or ["risk, no figure"]],
        f"- {finding.saving.method}, {finding.confidence} confidence; effort {finding.effort}, risk {finding.risk}",
        *([f"- Evidence: {', '.join(numbers)}"] if numbers else []),
        f"- But: {_text(finding.caveats)}",
        f"- Then watch: {_text(finding.verify)}",
        f"- Read: <{finding.fix.docs}>",
    ]


def _hint(finding: Finding, audit: Audit) -> str:
    return (
        f"- {_text(finding.title)}, {_text(wording.headline(finding))} (`{finding.rule}`, "
        f"{_text(finding.site.label(audit.source_root))}). {_text(finding.caveats)}"
    )


def _slow(slow: SlowFirstToken, audit: Audit) -> str:
    parts = ", ".join(f"{_text(part.name)} {wording.seconds(part.seconds)}" for part in slow.parts if part.seconds > 0)
    return (
        f"- {_text(slow.site.label(audit.source_root))}: {slow.n:,} calls, half within "
        f"{wording.seconds(slow.ttft_p50_s)}, 19 of 20 within {wording.seconds(slow.ttft_p95_s)} ({parts}). "
        f"{_text(slow.advice)}"
    )


def _checked(audit: Audit) -> list[str]:
    good = [f"`{one.rule}`" for one in audit.checked if one.outcome == "good"]
    blind = [f"- `{one.rule}`: {_text(one.note)}" for one in audit.checked if one.outcome == "not judged"]
    partly = [f"- `{one.rule}`: {_text(one.note)}" for one in audit.checked if one.outcome != "not judged" and one.note]
    lines: list[str] = []
    if audit.findings and (quiet := wording.quiet(audit)) is not None:
        lines += [_text(quiet), ""]
    if good:
        lines.append(f"Checked and found good: {', '.join(good)}.")
    if blind:
        lines += ["", "Could not judge:", "", *blind]
    if partly:
        lines += ["", "Judged in part:", "", *partly]
    return lines


def _text(text: str) -> str:
    """Running text without markup: neither Markdown's own nor the HTML that it lets through."""
    return _SPECIAL.sub(r"\\\1", html.escape(wording.clean(text, wording.LONGEST_CODE), quote=False))


def _code(source: str) -> list[str]:
    """A fenced block, with a fence that is longer than any in the source."""
    shown = wording.clean_code(source)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return ["", f"{fence}python", shown, fence]
