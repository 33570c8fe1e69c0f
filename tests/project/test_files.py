"""No file of the project names the machine it was written on, and the lock names public hosts only."""

from __future__ import annotations

import re
from pathlib import Path

from tests.project.repository import ROOT, files, text

#: Somebody's home, the place of this very checkout, and credentials in an address.
PRIVATE = re.compile(
    rb"/(?:root|home/\w+|Users/\w+)/\.\w+|https?://(?!user:)[^/\s:@]+:[^/\s@]+@|" + re.escape(bytes(ROOT)) + rb"/"
)
BINARY = {".png", ".woff2", ".ico", ".duckdb", ".parquet"}


def test_no_file_names_a_place_of_somebodys_machine() -> None:
    here = Path(__file__)
    found = [
        f"{path.relative_to(ROOT)}: {match[0].decode()}"
        for path in files()
        if path.suffix not in BINARY and path != here
        for match in [PRIVATE.search(path.read_bytes())]
        if match
    ]

    assert found == []


def test_the_lock_fetches_from_public_hosts_only() -> None:
    hosts = set(re.findall(r"https?://([^/\"\s]+)", text("uv.lock")))

    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def test_no_work_is_left_marked_for_later() -> None:
    marks = re.compile(rb"\b(?:TODO|FIXME|XXX)\b")
    found = [
        str(path.relative_to(ROOT))
        for path in files()
        if path.suffix in {".py", ".sql", ".toml"} and path != Path(__file__) and marks.search(path.read_bytes())
    ]

    assert found == []


def test_every_sql_file_begins_with_the_question_it_answers() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in files()
        if path.suffix == ".sql" and not path.read_text(encoding="utf-8").startswith("-- ")
    ]

    assert silent == []
