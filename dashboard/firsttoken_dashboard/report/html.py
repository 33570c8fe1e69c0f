"""The report as one HTML file that needs no network: to be sent to somebody, or kept with a build."""

from __future__ import annotations

from html import escape
from importlib import resources
from typing import Final

from firsttoken_dashboard.advisor.findings import Audit, Finding, Range, SlowFirstToken
from firsttoken_dashboard.report import following, wording

#: Bars are this many units wide (an SVG's own units; the page scales them).
_WIDTH: Final = 600
_ROW: Final = 34


def render(audit: Audit) -> str:
    """The whole page. Everything from outside is cleaned and escaped; there is no script in it."""
    style = (resources.files(__package__ or "") / "report.css").read_text(encoding="utf-8")
    calls = f"{audit.n_calls:,} {'call' if audit.n_calls == 1 else 'calls'}"
    body = [
        f"<h1>firsttoken report</h1><p class='about'>{_text(f'{calls}, {wording.period(audit)}')}</p>",
        *[f"<p class='note'>{_text(note)}</p>" for note in _notes(audit)],
        _overview(audit),
        *[_finding(number, one, audit) for number, one in enumerate(audit.findings, 1)],
        _hints(audit),
        _slow_sites(audit),
        _followed(audit),
        _checked(audit),
    ]
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>firsttoken report</title><style>{style}</style></head><body><main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main></body></html>\n"
    )


def _notes(audit: Audit) -> list[str]:
    notes = [wording.SIMULATED] if audit.simulated else []
    if audit.sampled:
        notes.append(wording.SAMPLED)
    if not audit.n_calls:
        notes.append(wording.NO_CALLS)
    return notes


def _overview(audit: Audit) -> str:
    if not audit.findings:
        return "<p class='good'>Nothing to change: no rule found a fault in these calls.</p>" if audit.n_calls else ""
    rows = "".join(
        f"<tr><td><a href='#{one.id}'>{number}</a></td><td><a href='#{one.id}'>{_text(one.rule)}</a></td>"
        f"<td class='where'>{_text(wording.where(one, audit))}</td>"
        f"<td class='saves'>{_text(wording.headline(one))}</td></tr>"
        for number, one in enumerate(audit.findings, 1)
    )
    together = wording.total(audit)
    number = len(audit.findings)
    return (
        f"<h2>{number} {'thing' if number == 1 else 'things'} to change, biggest saving first</h2>"
        f"<table><thead><tr><th></th><th>rule</th><th>where</th><th>saves</th></tr></thead><tbody>{rows}</tbody></table>"
        + (f"<p>Together: {_text(together)}; savings at one place are not added twice.</p>" if together else "")
        + _chart("Seconds a call", [(one, one.saving.latency_s) for one in audit.findings], "seconds")
        + _chart("Dollars per 1,000 calls", [(one, one.saving.usd_per_1000_calls) for one in audit.findings], "dollars")
    )


def _chart(title: str, values: list[tuple[Finding, Range | None]], say: str) -> str:
    """A bar for each saving, with its interval as a line over the bar's end."""
    shown = [
        (number, one, value)
        for number, (one, value) in enumerate(values, 1)
        if value is not None and value.expected > 0
    ]
    if not shown:
        return ""
    most = max(value.high for _, _, value in shown) or 1.0
    form = wording.seconds if say == "seconds" else wording.dollars
    bars: list[str] = []
    for row, (number, one, value) in enumerate(sorted(shown, key=lambda bar: bar[2].expected, reverse=True)):
        top = row * _ROW
        low, expected, high = (_WIDTH * max(end, 0.0) / most for end in (value.low, value.expected, value.high))
        bars.append(
            f"<text x='0' y='{top + 11}'>{number}. {_text(one.rule)}: {_text(form(value.expected))}</text>"
            f"<rect x='0' y='{top + 16}' width='{expected:.1f}' height='10' rx='2'/>"
            f"<line x1='{low:.1f}' x2='{high:.1f}' y1='{top + 21}' y2='{top + 21}'/>"
        )
    height = len(shown) * _ROW
    return (
        f"<figure><figcaption>{_text(title)}, saved by each; the line is the interval</figcaption>"
        f"<svg viewBox='0 0 {_WIDTH} {height}' role='img' aria-label='{_text(title)}'>{''.join(bars)}</svg></figure>"
    )


def _finding(number: int, finding: Finding, audit: Audit) -> str:
    n = finding.evidence.get("n")
    about = [wording.where(finding, audit), finding.model or "", f"{n:,} calls" if isinstance(n, int) else ""]
    numbers = "".join(
        f"<tr><th>{_text(label)}</th><td>{_text(value)}</td></tr>"
        for label, value in wording.evidence_lines(finding.evidence)
    )
    savings = "".join(f"<li>{_text(line)}</li>" for line in wording.saving_lines(finding.saving) or ["risk, no figure"])
    how = (
        f"{wording.METHODS[finding.saving.method]}. Confidence {finding.confidence}; effort of the change "
        f"{finding.effort}, its risk {finding.risk}."
    )
    return (
        f"<section id='{finding.id}'><h2>{number}. {_text(finding.title)}</h2>"
        f"<p class='where'>{_text(', '.join(one for one in about if one))} <code>{_text(finding.rule)}</code></p>"
        f"<p>{_text(finding.fix.why)}</p>"
        f"<h3>Before</h3><pre class='before'>{_code(finding.fix.before)}</pre>"
        f"<h3>After</h3><pre class='after'>{_code(finding.fix.after)}</pre>"
        f"<h3>Saves</h3><ul>{savings}</ul><p class='about'>{_text(how)}</p>"
        f"<details><summary>Evidence</summary><table class='numbers'>{numbers}</table></details>"
        f"<p><b>But:</b> {_text(finding.caveats)}</p><p><b>Then watch:</b> {_text(finding.verify)}</p>"
        f"<p><a href='{_text(finding.fix.docs)}'>{_text(finding.fix.docs)}</a></p></section>"
    )


def _hints(audit: Audit) -> str:
    if not audit.hints:
        return ""
    items = "".join(
        f"<li><b>{_text(one.title)}</b> <code>{_text(one.rule)}</code><br><span class='where'>"
        f"{_text(wording.where(one, audit))}</span><br>{_text(one.caveats)}</li>"
        for one in audit.hints
    )
    return f"<h2>Worth a look</h2><p>Few calls, or a doubt that only you can settle:</p><ul>{items}</ul>"


def _slow_sites(audit: Audit) -> str:
    if not audit.slow_first_token:
        return ""
    items = "".join(_slow(one, audit) for one in audit.slow_first_token)
    return f"<h2>Slow first token</h2><p>Where 1 call in 20 waits over 3 s, and what it waits for:</p><ul>{items}</ul>"


def _slow(slow: SlowFirstToken, audit: Audit) -> str:
    parts = ", ".join(f"{part.name} {wording.seconds(part.seconds)}" for part in slow.parts if part.seconds > 0)
    return (
        f"<li><span class='where'>{_text(slow.site.label(audit.source_root))}</span>: {slow.n:,} calls, half within "
        f"{wording.seconds(slow.ttft_p50_s)}, 19 of 20 within {wording.seconds(slow.ttft_p95_s)}. {_text(parts)}.<br>"
        f"{_text(slow.advice)}</li>"
    )


def _followed(audit: Audit) -> str:
    rows = "".join(
        f"<tr><td>{_text(one.state)}</td><td>{_text(one.rule)}</td>"
        f"<td class='where'>{_text(one.site.label(audit.source_root))}</td>"
        f"<td>{_text(following.told(one) or '')}</td></tr>"
        for one in audit.followed
    )
    head = "<tr><th>state</th><th>rule</th><th>where</th><th>measured</th></tr>"
    changed = f"<h2>Changed since</h2><table><thead>{head}</thead><tbody>{rows}</tbody></table>" if rows else ""
    aside = following.aside(audit)
    return changed + (f"<p class='about'>{_text(aside)}</p>" if aside else "")


def _checked(audit: Audit) -> str:
    good = ", ".join(one.rule for one in audit.checked if one.outcome == "good")
    blind = "".join(f"<li><code>{_text(one.rule)}</code>: {_text(one.note)}</li>" for one in audit.checked if one.note)
    quiet = wording.quiet(audit) if audit.findings else None
    return (
        (f"<p class='good'>{_text(quiet)}</p>" if quiet else "")
        + (f"<p class='good'>Checked and found good: {_text(good)}.</p>" if good else "")
        + (f"<h2>Could not judge, or only in part</h2><ul>{blind}</ul>" if blind else "")
    )


def _text(text: str) -> str:
    return escape(wording.clean(text, wording.LONGEST_CODE))


def _code(source: str) -> str:
    return escape(wording.clean_code(source))
