"""Every schema that was ever released is brought forward by its next writer, with what is in it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import duckdb
import pytest

from firsttoken import store as stores
from firsttoken.store import Store, maintenance, schema
from tests.store.spans import call

RELEASED = Path(__file__).with_name("released")
VERSIONS = sorted(int(file.stem) for file in RELEASED.glob("*.sql"))


def columns(store: Store) -> list[tuple[str, str, str, bool]]:
    """Table, column, type and whether it may be NULL, in the order of tables; the order of columns does not matter."""
    with store.read() as connection:
        return connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns()"
            " WHERE database_name = current_database() AND NOT internal ORDER BY ALL"
        ).fetchall()


def test_every_released_schema_is_kept_and_the_chain_to_this_one_is_complete() -> None:
    assert list(range(1, schema.SCHEMA_VERSION + 1)) == VERSIONS
    folder = resources.files("firsttoken.store").joinpath("migrations")
    steps = {step.name for step in folder.iterdir()} if folder.is_dir() else set[str]()
    assert steps == {f"{version:04}.sql" for version in VERSIONS[1:]}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_any_release_becomes_one_of_this(tmp_path: Path, version: int) -> None:
    """A changed `schema.sql` without a new version and its step fails here."""
    old = stores.open(tmp_path / "old.duckdb")
    with duckdb.connect(old.path) as connection:
        connection.execute((RELEASED / f"{version}.sql").read_text())
        connection.execute(f"INSERT INTO schema_version VALUES ({version}, make_timestamp_ns(0))")
        connection.execute(
            "INSERT INTO spans (trace_id, span_id, name, kind, start_time, end_time, status_code, resource, attributes,"
            " events, links) VALUES ('a', 'b', 'chat', 'CLIENT', make_timestamp_ns(1767225600000000000),"
            " make_timestamp_ns(1767225601000000000), 'UNSET', '{}',"
            """ '{"gen_ai.operation.name": "chat"}', '[]', '[]')"""
        )
        connection.execute("INSERT INTO drops VALUES (make_timestamp_ns(0), 7, 'of old')")
    old.append([call(1)])
    new = stores.open(tmp_path / "new.duckdb")
    new.append([call(1)])
    assert columns(old) == columns(new)
    assert maintenance.rebuild(old) == 2
    state = maintenance.info(old)
    assert (state.spans, state.calls, state.drops) == (2, 2, (("of old", 7),))
