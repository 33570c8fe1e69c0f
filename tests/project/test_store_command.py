"""`firsttoken store`: what is in the store, a smaller one, a copy, calls derived anew."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import duckdb
import pytest

from firsttoken import store
from firsttoken.store import SpanRecord
from firsttoken_dashboard import store_command
from firsttoken_dashboard.cli import main

DAY_NS = 86_400 * 10**9
ATTRIBUTES = json.dumps({"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-sonnet-5-5"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one call of today and one of ten days ago."""
    opened = store.open(tmp_path / "store.duckdb")
    opened.append([call(1, 0), call(2, 10)])
    return opened.path


def call(number: int, days_ago: int) -> SpanRecord:
    start = time.time_ns() - days_ago * DAY_NS - 10**9
    return SpanRecord(
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        parent_span_id=None,
        name="chat claude-sonnet-5-5",
        kind="CLIENT",
        start_time=start,
        end_time=start + 10**9,
        status_code="UNSET",
        status_message=None,
        scope_name="firsttoken",
        scope_version="0.1.0",
        service_name="shop",
        resource='{"service.name":"shop"}',
        attributes=ATTRIBUTES,
        events="[]",
        links="[]",
    )


@pytest.mark.parametrize("action", [["info"], ["prune"], ["rebuild"], ["export", "copy"]])
def test_every_action_refuses_a_store_that_is_not_there(
    tmp_path: Path, action: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing.duckdb"

    assert main(["store", *action, "--store", str(missing)]) == 3
    assert "There is no store" in capsys.readouterr().err
    assert not missing.exists()


def test_info_tells_where_how_large_and_what(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "info", "--store", str(path)]) == 0

    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert said["store"] == str(path)
    assert (said["spans"], said["calls"], said["services"]) == ("2", "2", "shop")
    assert (said["waiting"], said["lost"]) == ("nothing", "nothing")


def test_info_is_there_for_programs_too(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "info", "--format", "json", "--store", str(path)]) == 0

    info = json.loads(capsys.readouterr().out)
    assert (info["path"], info["spans"], info["services"]) == (str(path), 2, ["shop"])
    assert info["newest"].endswith("Z")


def test_prune_deletes_what_is_older(path: Path) -> None:
    assert main(["store", "prune", "--older-than", "7d", "--store", str(path)]) == 0

    with store.open(path).read() as connection:
        assert connection.execute("SELECT span_id FROM calls").fetchall() == [(f"{1:016x}",)]


def test_export_gives_parquet_that_anything_reads(path: Path, tmp_path: Path) -> None:
    assert main(["store", "export", str(tmp_path / "copy"), "--store", str(path)]) == 0

    with duckdb.connect() as connection:
        connection.execute(f"SELECT count(*), min(request_model) FROM '{tmp_path}/copy/calls.parquet'")
        assert connection.fetchall() == [(2, "claude-sonnet-5-5")]


def test_rebuild_derives_the_calls_from_the_spans(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with store.open(path).write() as connection:
        connection.execute("DELETE FROM calls")

    assert main(["store", "rebuild", "--store", str(path)]) == 0
    assert capsys.readouterr().out.startswith("2 calls derived anew")


@pytest.mark.parametrize(("written", "read"), [("500MB", 500 * 2**20), ("1.5 GiB", 3 * 2**29), ("2g", 2**31), ("7", 7)])
def test_sizes_are_powers_of_1024(written: str, read: int) -> None:
    assert store_command.size(written) == read


def test_what_is_no_size_is_a_usage_error() -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        store_command.size("big")


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KB"), (3 * 2**30, "3.0 GB"), (2**41, "2.0 TB")]
)
def test_sizes_are_spelled_for_people(number: int, said: str) -> None:
    assert store_command.spelled(number) == said
