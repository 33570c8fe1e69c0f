"""A file that a reader hands over in the browser goes into the store, within bounds."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import firsttoken.store
from firsttoken_dashboard.app import importing

LINE = json.dumps(
    {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                "scopeSpans": [
                    {
                        "scope": {"name": "firsttoken"},
                        "spans": [
                            {
                                "traceId": "0" * 31 + "1",
                                "spanId": "0" * 15 + "1",
                                "name": "chat",
                                "kind": 3,
                                "startTimeUnixNano": "1700000000000000000",
                                "endTimeUnixNano": "1700000001000000000",
                                "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
                            }
                        ],
                    }
                ],
            }
        ]
    }
).encode()


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_s_spans_are_stored_and_its_name_is_told_without_its_place(tmp_path: Path, *, packed: bool):
    store = tmp_path / "x.duckdb"
    told = importing.take(store, "../../tr aces.jsonl", gzip.compress(LINE) if packed else LINE)
    assert told == "_.._tr_aces.jsonl: 1 spans"
    with firsttoken.store.open(store).read() as con:
        assert con.execute("SELECT service_name FROM spans").fetchall() == [("shop",)]


def test_a_file_that_is_no_otlp_is_refused_in_one_sentence(tmp_path: Path):
    with pytest.raises(importing.ImportRefused, match="neither OTLP JSON nor OTLP protobuf"):
        importing.take(tmp_path / "x.duckdb", "-x.txt", b"hello")


def test_what_unpacks_to_more_than_the_bound_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bomb = gzip.compress(b"{" + b" " * 10_000_000)
    monkeypatch.setattr(importing, "_MOST", len(bomb))
    with pytest.raises(importing.ImportRefused, match="is over 64 MB, unpacked"):
        importing.take(tmp_path / "x.duckdb", "bomb.gz", bomb)


def test_a_gzip_file_that_is_cut_off_says_so(tmp_path: Path):
    with pytest.raises(importing.ImportRefused, match="cannot be unpacked"):
        importing.take(tmp_path / "x.duckdb", "cut.gz", gzip.compress(LINE)[:-9])
