"""The report as JUnit XML: a test case for each rule, a failure for each finding, skipped where it could not judge."""

from __future__ import annotations

import re
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from firsttoken_dashboard.advisor.findings import Audit, Checked, Finding
from firsttoken_dashboard.report import wording

#: What XML 1.0 has no way to say, not even as a reference.
_UNSAYABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(audit: Audit) -> str:
    """The audit as XML text. Hints are no failures: they go into the suite's output."""
    cases = [_case(one, [each for each in audit.findings if each.rule == one.rule], audit) for one in audit.checked]
    skipped = sum(one.outcome == "not judged" for one in audit.checked)
    counts = f'tests="{len(cases)}" failures="{len(audit.findings)}" errors="0" skipped="{skipped}"'
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    lines = [head, "<testsuites>", f'<testsuite name="firsttoken" {counts}>', *cases]
    said = [wording.SIMULATED] if audit.simulated else []
    said += [f"Hint: {wording.where(one, audit)}: {wording.clean(one.title)}" for one in audit.hints]
    if said:
        lines.append(f"<system-out>{_text(chr(10).join(said))}</system-out>")
    return "\n".join([*lines, "</testsuite>", "</testsuites>"]) + "\n"


def _case(checked: Checked, findings: list[Finding], audit: Audit) -> str:
    head = f"<testcase classname={_value('firsttoken')} name={_value(checked.rule)}"
    if checked.outcome == "not judged":
        return f"{head}><skipped message={_value(checked.note)}/></testcase>"
    if not findings:
        return f"{head}/>"
    return f"{head}>{''.join(_failure(one, audit) for one in findings)}</testcase>"


def _failure(finding: Finding, audit: Audit) -> str:
    body = "\n".join(
        (
            wording.where(finding, audit),
            f"saves {wording.headline(finding)}",
            finding.fix.why,
            "before:",
            wording.clean_code(finding.fix.before),
            "after:",
            wording.clean_code(finding.fix.after),
            finding.fix.docs,
        )
    )
    return f"<failure message={_value(wording.clean(finding.title))}>{_text(body)}</failure>"


def _text(text: str) -> str:
    return escape(_UNSAYABLE.sub("?", text))


def _value(text: str) -> str:
    return quoteattr(_UNSAYABLE.sub("?", text))
