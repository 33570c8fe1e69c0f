from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest

from firsttoken_dashboard.report import markdown, terminal
from firsttoken_dashboard.report.terminal import Style
from tests.report.audits import FULL, HEALTHY, HOSTILE

SNAPSHOTS = Path(__file__).parent / "snapshots"


def held(name: str, text: str) -> None:
    """The text is what the snapshot says; FIRSTTOKEN_SNAPSHOTS=write makes it so, to be looked at before a commit."""
    path = SNAPSHOTS / name
    if os.environ.get("FIRSTTOKEN_SNAPSHOTS") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [60, 100])
def test_the_report_reads_as_it_always_did(width: int):
    held(f"full-{width}.txt", terminal.render(FULL, Style(width)))


def test_a_healthy_application_is_told_so():
    held("healthy.txt", terminal.render(HEALTHY, Style(80)))


def test_the_markdown_reads_as_it_always_did():
    held("full.md", markdown.render(FULL))


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_no_line_of_words_is_wider_than_the_terminal(width: int):
    """Source, paths and addresses stay whole: they are there to be copied."""
    for line in terminal.render(FULL, Style(width)).splitlines():
        assert len(line) <= width or max(len(word) for word in line.split()) > width - 30 or "client.mess" in line


def test_colours_change_nothing_but_the_colours():
    coloured = terminal.render(FULL, Style(80, colour=True))

    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == terminal.render(FULL, Style(80))


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "stream", "colour"),
    [
        ({}, _Terminal(), True),
        ({}, io.StringIO(), False),
        ({"NO_COLOR": "1"}, _Terminal(), False),
        ({"TERM": "dumb"}, _Terminal(), False),
        ({"FORCE_COLOR": "1"}, io.StringIO(), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": ""}, _Terminal(), False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], stream: io.StringIO, *, colour: bool
):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert Style.of(stream, 80).colour is colour


def test_nothing_that_a_span_carried_moves_the_cursor_or_fills_the_screen():
    text = terminal.render(HOSTILE, Style(80))

    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert "\\x1b[2J" in text
    assert len(text) < 30_000


def test_nothing_that_a_span_carried_is_markup_in_markdown():
    text = markdown.render(HOSTILE)
    prose = re.sub(r"(`{3,})python\n.*?\n\1", "", text, flags=re.DOTALL)

    assert "<script>" not in prose
    assert not re.search(r"(?<!\\)\[link\]", prose)
    assert "\n# head" not in prose
    assert len(text) < 60_000


def test_a_fence_in_the_source_does_not_end_the_block():
    text = markdown._code("```\nafter")

    assert text[1] == "````python"
    assert text[-1] == "````"
