"""The report for a terminal: plain text with ANSI colours where they are wanted, wrapped to the width."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TextIO

from firsttoken_dashboard.advisor.findings import Audit, Finding, SlowFirstToken
from firsttoken_dashboard.report import following, wording

NARROWEST: Final = 40
WIDEST: Final = 100
#: Columns between a rule and its saving, on one line.
MINIMUM_GAP: Final = 3
_LABEL: Final = 14

_SLOW: Final = "Where 1 call in 20 waits over 3 s for its first token, and what it waits for:"
_NOTHING: Final = "Nothing to change: no rule found a fault in these calls."
_NOTHING_LEFT: Final = "Nothing else to change: no other fault was found in these calls."
_CODES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


@dataclass(frozen=True, slots=True)
class Style:
    """How wide to write, in columns, and whether in colours."""

    width: int = 80
    colour: bool = False

    @classmethod
    def of(cls, stream: TextIO, columns: int) -> Style:
        """Colours for a terminal only, and not against NO_COLOR; FORCE_COLOR has the last word."""
        wanted = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        forced = os.environ.get("FORCE_COLOR", "") not in {"", "0"} and "NO_COLOR" not in os.environ
        return cls(min(max(columns, NARROWEST), WIDEST), wanted or forced)

    def paint(self, text: str, *colours: str) -> str:
        """Text in these colours, or as it is."""
        if not self.colour:
            return text
        return f"\x1b[{';'.join(_CODES[one] for one in colours)}m{text}\x1b[0m"


def render(audit: Audit, style: Style) -> str:
    """The whole report."""
    lines = [*_head(audit, style)]
    if audit.findings:
        lines += ["", *_overview(audit, style)]
    for number, finding in enumerate(audit.findings, 1):
        lines += ["", *_finding(number, finding, audit, style)]
    if audit.hints:
        lines += ["", style.paint("Worth a look", "bold")]
        lines += _wrapped("Few calls, or a doubt that only you can settle:", style, paint=("dim",))
        for finding in audit.hints:
            lines += _hint(finding, audit, style)
    if audit.slow_first_token:
        lines += ["", style.paint("Slow first token", "bold"), *_wrapped(_SLOW, style, paint=("dim",))]
        for slow in audit.slow_first_token:
            lines += _slow(slow, audit, style)
    if audit.followed:
        lines += ["", *_followed(audit, style)]
    if (aside := following.aside(audit)) is not None:
        lines += ["", *_wrapped(aside, style, paint=("dim",))]
    if checked := _checked(audit, style):
        lines += ["", *checked]
    return "\n".join(lines) + "\n"


def _head(audit: Audit, style: Style) -> list[str]:
    calls = f"{audit.n_calls:,} {'call' if audit.n_calls == 1 else 'calls'}"
    lines = [style.paint("firsttoken report", "bold"), *_wrapped(f"{calls}, {wording.period(audit)}", style)]
    if audit.simulated:
        lines += _wrapped(wording.SIMULATED, style, paint=("yellow",))
    if audit.sampled:
        lines += _wrapped(wording.SAMPLED, style, paint=("yellow",))
    if not audit.findings:
        nothing = _NOTHING_LEFT if audit.followed or audit.set_aside else _NOTHING
        lines += ["", *_wrapped(nothing, style, paint=("green", "bold"))]
    return lines


def _overview(audit: Audit, style: Style) -> list[str]:
    """Two lines a finding: what and how much, then where."""
    number = len(audit.findings)
    title = f"{number} {'thing' if number == 1 else 'things'} to change, biggest saving first"
    lines = [style.paint(title, "bold")]
    for position, finding in enumerate(audit.findings, 1):
        head, saved = f" {position:>2}  {finding.rule}", wording.headline(finding)
        gap = style.width - len(head) - len(saved)
        if gap >= MINIMUM_GAP:
            lines.append(f"{style.paint(head, 'cyan')}{' ' * gap}{style.paint(saved, 'green')}")
        else:
            lines.append(style.paint(head, "cyan"))
            lines += _wrapped(saved, style, indent=5, paint=("green",))
        lines += _wrapped(wording.where(finding, audit), style, indent=5)
    if (together := wording.total(audit)) is not None:
        lines += _wrapped(f"Together: {together}; savings at one place are not added twice.", style, indent=5)
    return lines


def _finding(number: int, finding: Finding, audit: Audit, style: Style) -> list[str]:
    n = finding.evidence.get("n")
    about = ", ".join(
        part
        for part in (
            f"{n:,} {'call' if n == 1 else 'calls'}" if isinstance(n, int) else "",
            wording.clean(finding.model or ""),
            wording.clean(f"service {finding.site.service}") if finding.site.service and finding.site.known else "",
        )
        if part
    )
    lines = [
        style.paint("─" * style.width, "dim"),
        *_wrapped(f"{number}. {wording.clean(finding.title)}", style, hanging=3, paint=("bold",)),
        *_wrapped(wording.where(finding, audit), style, indent=3, paint=("cyan",)),
        *_wrapped(f"{about}  [{finding.rule} {finding.id}]{_again(finding)}", style, indent=3, paint=("dim",)),
        "",
        *_labelled("why", finding.fix.why, style),
        "",
        *_code("before", finding.fix.before, style, "red"),
        *_code("after", finding.fix.after, style, "green"),
        "",
    ]
    for position, line in enumerate(wording.saving_lines(finding.saving) or ["risk, no figure"]):
        lines += _labelled("saves" if position == 0 else "", line, style)
    how = f"{finding.saving.method}, {finding.confidence} confidence; effort {finding.effort}, risk {finding.risk}"
    lines += _labelled("how sure", how, style)
    numbers = ", ".join(f"{label} {value}" for label, value in wording.evidence_lines(finding.evidence))
    if numbers:
        lines += _labelled("evidence", numbers, style)
    lines += _labelled("but", finding.caveats, style)
    lines += _labelled("then watch", finding.verify, style)
    lines += _labelled("read", finding.fix.docs, style)
    return lines


def _again(finding: Finding) -> str:
    return "  reopened: the change was undone" if finding.state == "reopened" else ""


def _hint(finding: Finding, audit: Audit, style: Style) -> list[str]:
    return [
        *_wrapped(
            f"{wording.clean(finding.title)} [{finding.rule}], {wording.headline(finding)}",
            style,
            indent=1,
            hanging=3,
            bullet="· ",
        ),
        *_wrapped(wording.where(finding, audit), style, indent=3, paint=("cyan",)),
        *_wrapped(finding.caveats, style, indent=3, paint=("dim",)),
    ]


def _slow(slow: SlowFirstToken, audit: Audit, style: Style) -> list[str]:
    model = f", {wording.clean(slow.model)}" if slow.model else ""
    lines = [
        *_wrapped(wording.clean(slow.site.label(audit.source_root)), style, indent=1, paint=("cyan",)),
        *_wrapped(
            f"{slow.n:,} calls{model}: half within {wording.seconds(slow.ttft_p50_s)}, 19 of 20 within "
            f"{wording.seconds(slow.ttft_p95_s)}",
            style,
            indent=3,
        ),
    ]
    parts = [part for part in slow.parts if part.seconds > 0]
    whole = sum(part.seconds for part in parts)
    name = max((len(part.name) for part in parts), default=0)
    for part in parts:
        bar = "█" * max(round(20 * part.seconds / whole), 1)
        lines.append(f"   {part.name:<{name}}  {wording.seconds(part.seconds):>8}  {style.paint(bar, 'yellow')}")
    return [*lines, *_labelled("so", wording.clean(slow.advice), style)]


def _followed(audit: Audit, style: Style) -> list[str]:
    """What was changed, and what that saved."""
    lines = [style.paint("Changed since", "bold")]
    for one in audit.followed:
        good = one.state == "verified"
        lines += _wrapped(f"{one.state}: {one.rule}", style, indent=1, paint=("green" if good else "yellow",))
        lines += _wrapped(wording.clean(one.site.label(audit.source_root)), style, indent=3, paint=("cyan",))
        if (told := following.told(one)) is not None:
            lines += _wrapped(told, style, indent=3)
    return lines


def _checked(audit: Audit, style: Style) -> list[str]:
    lines: list[str] = []
    if audit.findings and (quiet := wording.quiet(audit)) is not None:
        lines += _wrapped(quiet, style, hanging=2, paint=("green",))
    good = [one for one in audit.checked if one.outcome == "good"]
    blind = [one for one in audit.checked if one.outcome == "not judged"]
    partly = [one for one in audit.checked if one.outcome != "not judged" and one.note]
    if good:
        names = ", ".join(one.rule for one in good)
        lines += _wrapped(f"Checked and found good: {names}.", style, hanging=2, paint=("green",))
    if blind:
        lines.append(style.paint("Could not judge:", "yellow"))
        lines += _notes(((one.rule, one.note) for one in blind), style)
    if partly:
        lines.append(style.paint("Judged in part:", "dim"))
        lines += _notes(((one.rule, one.note) for one in partly), style)
    return lines


def _notes(notes: Iterable[tuple[str, str]], style: Style) -> list[str]:
    return [line for rule, note in notes for line in _wrapped(f"{rule}: {note}", style, indent=2, hanging=4)]


def _code(label: str, source: str, style: Style, colour: str) -> list[str]:
    """Source is never wrapped: it is there to be copied."""
    lines = wording.clean_code(source).split("\n")
    first = f"   {label:<{_LABEL - 3}}"
    return [
        f"{style.paint(first if position == 0 else ' ' * _LABEL, 'dim')}{style.paint(line, colour)}".rstrip()
        for position, line in enumerate(lines)
    ]


def _labelled(label: str, text: str, style: Style) -> list[str]:
    first = f"   {label:<{_LABEL - 3}}"
    body = _wrapped(text, style, indent=_LABEL)
    head, *rest = body or [""]
    return [style.paint(first, "dim") + head[_LABEL:], *rest]


def _wrapped(
    text: str,
    style: Style,
    *,
    indent: int = 0,
    hanging: int | None = None,
    bullet: str = "",
    paint: tuple[str, ...] = (),
) -> list[str]:
    """Lines of at most the width; a word that is longer (a URL, a path) stays whole."""
    lines = textwrap.wrap(
        wording.clean(text, wording.LONGEST_CODE),
        style.width,
        initial_indent=" " * indent + bullet,
        subsequent_indent=" " * (indent if hanging is None else hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [style.paint(line, *paint) if paint else line for line in lines]
