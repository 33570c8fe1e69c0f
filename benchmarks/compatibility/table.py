"""docs/compatibility.md, from the outcomes of the tests by environment."""

from __future__ import annotations

import platform
from collections.abc import Mapping

from benchmarks.compatibility.scenarios import NOTES, SCENARIOS, Scenario

_HEAD = """# Compatibility

Each scenario on each version: `.ci/compatibility` runs the tests that specify it (`tests/instrumentation`, a real HTTP
server and the real SDK) in an environment of its own, and writes this page. **pass**: all of them, sync
and async. **–**: this version has no such thing. A note says what holds only in part. Empty: not asked there.
"""


def page(results: Mapping[str, Mapping[str, str]], libraries: Mapping[str, str]) -> str:
    """`results` are outcomes by column and test; `libraries` says `httpx 0.28.1 1.40.0` of each column.

    Raises ValueError for a scenario that no test specifies.
    """
    used: list[str] = []
    first = [name for name in results if name.endswith("py3.11")]
    lines = [_HEAD, *_table(results, libraries, first, used)]
    others = [name for name in results if not name.endswith("py3.11")]
    if others:
        lines += [
            "",
            "Other Pythons, and over aiohttp, which is asked only what is async:",
            "",
            *_table(results, libraries, others, used),
        ]
    lines += ["", *(f"{_mark(number)} {note}" for number, note in enumerate(used))] if used else []
    lines += ["", f"Run on {platform.system()} {platform.machine()}."]
    return "\n".join(lines) + "\n"


def _table(
    results: Mapping[str, Mapping[str, str]], libraries: Mapping[str, str], columns: list[str], used: list[str]
) -> list[str]:
    lines = [f"| anthropic | {' | '.join(name.split('-')[0].removesuffix('.0') for name in columns)} |"]
    lines.append("|---|" + "---|" * len(columns))
    lines.append(f"| Python | {' | '.join(name.split('-')[1].removeprefix('py') for name in columns)} |")
    lines.append(f"| over | {' | '.join(_library(name, libraries[name]) for name in columns)} |")
    group = ""
    for scenario in SCENARIOS:
        if scenario.group != group:
            group = scenario.group
            lines.append(f"| **{group}** |" + " |" * len(columns))
        cells = [_cell(scenario, name, results[name], used) for name in columns]
        if not any(results[name] and _asked(scenario, results[name]) for name in results):
            raise ValueError(f"no test specifies {scenario.title!r}")
        lines.append(f"| {scenario.title} | {' | '.join(cells)} |")
    counted = [sum(outcome == "passed" for outcome in results[name].values()) for name in columns]
    failed = [sum(outcome == "failed" for outcome in results[name].values()) for name in columns]
    lines.append(f"| tests that passed | {' | '.join(f'{count:,}' for count in counted)} |")
    if any(failed):
        lines.append(f"| tests that failed | {' | '.join(str(count) for count in failed)} |")
    return lines


def _library(column: str, library: str) -> str:
    name, version, _ = library.split()
    return "aiohttp" if column.endswith("aiohttp") else f"{name} {version}"


def _asked(scenario: Scenario, outcomes: Mapping[str, str]) -> list[str]:
    return [outcome for test, outcome in outcomes.items() if scenario.means(test)]


def _cell(scenario: Scenario, column: str, outcomes: Mapping[str, str], used: list[str]) -> str:
    found = _asked(scenario, outcomes)
    if not found:
        return ""
    if "failed" in found:
        tests = [test for test, outcome in outcomes.items() if outcome == "failed" and scenario.means(test)]
        return f"**fails** {len(tests)} of {len(found) - found.count('skipped')}"
    note = next((note for title, columns, note in NOTES if title == scenario.title and column in columns), None)
    if note is not None and note not in used:
        used.append(note)
    said = "pass" if "passed" in found else "–"
    return said if note is None else f"{said} {_mark(used.index(note))}"


def _mark(number: int) -> str:
    return "¹²³⁴⁵⁶⁷⁸⁹"[number]
