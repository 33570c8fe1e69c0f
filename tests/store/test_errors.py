"""What goes wrong with a store is one sentence that says what to do, and no file of anybody is harmed."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from firsttoken import store as stores
from firsttoken.store import Store, connection, maintenance, outbox, schema
from tests.store.spans import call


def sentence(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_no_store_yet(store: Store) -> None:
    with pytest.raises(stores.StoreMissing) as error, store.read():
        pass
    assert "There is no store at" in sentence(error)
    assert not store.path.exists()


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# A file of somebody's\n" * 20)
    opened = stores.open(readme)
    with pytest.raises(stores.StoreUnreadable) as error, opened.read():
        pass
    assert "is not a DuckDB file" in sentence(error)
    with pytest.raises(stores.StoreUnreadable):
        opened.append([call(1)])
    assert readme.read_text() == "# A file of somebody's\n" * 20


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    with duckdb.connect(path) as other:
        other.execute("CREATE TABLE spans (theirs INTEGER)")
    opened = stores.open(path)
    for attempt in (opened.read, opened.write):
        with pytest.raises(stores.StoreUnreadable) as error, attempt():
            pass
        assert "another program" in sentence(error)


def test_nothing_is_laid_beside_a_file_of_somebody_else(tmp_path: Path) -> None:
    text, database = tmp_path / "README.md", tmp_path / "other.duckdb"
    text.write_text("# A file of somebody's\n" * 20)
    with duckdb.connect(database) as other:
        other.execute("CREATE TABLE spans (theirs INTEGER)")
    filled = stores.SpanBatch()
    filled.add_record(call(1))
    for path in (text, database):
        with pytest.raises(stores.StoreUnreadable):
            stores.open(path).deposit(filled)
    assert list(tmp_path.glob("*.outbox")) == []


def test_a_store_of_a_newer_version_is_left_alone(store: Store) -> None:
    """It is in use by whoever is newer: renamed, it would be taken from them, and by them from us."""
    with store.write() as writing:
        writing.execute("INSERT INTO schema_version VALUES (99, make_timestamp_ns(0))")
    theirs = store.path.read_bytes()
    with pytest.raises(stores.StoreUnreadable) as error:
        store.append([call(1)])
    assert "newer firsttoken" in sentence(error)
    with pytest.raises(stores.StoreUnreadable), store.read():
        pass
    assert store.path.read_bytes() == theirs
    assert not list(store.path.parent.glob("*.damaged-*"))


def test_an_older_store_is_brought_forward_by_its_next_writer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append([call(1)])
    known = schema.sql
    monkeypatch.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION + 1)
    step = f"migrations/{schema.SCHEMA_VERSION:04}.sql"

    def sql(name: str) -> str:
        return "ALTER TABLE calls ADD COLUMN new_fact BIGINT" if name == step else known(name)

    monkeypatch.setattr(schema, "sql", sql)
    with pytest.raises(stores.StoreUnreadable) as error, store.read():
        pass
    assert "older firsttoken" in sentence(error)
    store.append([call(2)])
    with store.read() as reading:
        assert reading.execute("SELECT count(*), count(new_fact) FROM calls").fetchone() == (2, 0)


def test_a_damaged_store_is_set_aside_and_a_new_one_begun(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.append([call(number) for number in range(1, 200)])
    whole = store.path.read_bytes()
    store.path.write_bytes(whole[:4096] + bytes(4096) + whole[8192:9000])
    with pytest.raises(stores.StoreDamaged) as error, store.read():
        pass
    assert "is damaged" in sentence(error)
    damaged = store.path.read_bytes()
    store.append([call(1)])
    with store.read() as reading:
        assert reading.execute("SELECT count(*) FROM calls").fetchone() == (1,)
    (aside,) = store.path.parent.glob("*.damaged-*")
    assert aside.read_bytes() == damaged
    assert "lies at" in caplog.text


def test_a_directory_is_no_store(tmp_path: Path) -> None:
    for attempt in (stores.open(tmp_path).read, stores.open(tmp_path).write):
        with pytest.raises(stores.StoreUnreadable) as error, attempt():
            pass
        assert "is a directory" in sentence(error)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(stores.StoreError) as error:
        stores.open(tmp_path / "store.duckdb").append([call(1)])
    sentence(error)


@pytest.mark.parametrize("location", ["https://host/store", "clickhouse://host/db", "duckdb://host/store.duckdb"])
def test_a_uri_of_another_kind(location: str) -> None:
    with pytest.raises(stores.StoreError) as error:
        stores.open(location)
    assert "A store is a path" in sentence(error)


def test_a_store_is_named_by_path_or_uri(tmp_path: Path) -> None:
    path = tmp_path / "a b.duckdb"
    named = [path, str(path), f"duckdb://{tmp_path}/a%20b.duckdb", f"file://{tmp_path}/a%20b.duckdb"]
    assert {stores.open(name).path for name in named} == {path.resolve()}


def test_a_reader_gives_up_on_a_file_that_is_held(store: Store) -> None:
    store.append([call(1)])
    other = stores.open(store.path)
    with other.write(), pytest.raises(stores.StoreBusy) as error, store.read(patience_s=0.1):
        pass
    assert "try again" in sentence(error)


def test_connections_load_no_extension_and_use_little(store: Store) -> None:
    """What a connection may do inside somebody's application."""
    with store.write() as writing:
        found, directory = (
            writing.execute(f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}").fetchone()
            for names in (
                ("threads", "memory_limit", "autoload_known_extensions", "autoinstall_known_extensions"),
                ("temp_directory",),
            )
        )
    assert found == (1, "244.1 MiB", False, False)
    assert directory is not None
    assert Path(directory[0]).parent == store.path.parent


def test_new_files_open_in_older_versions_of_duckdb(store: Store) -> None:
    store.append([call(1)])
    with store.read() as reading:
        row = reading.execute(
            "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = current_database()"
        ).fetchone()
    assert row is not None
    assert row[0].rstrip("+") == connection.STORAGE_VERSION


def test_a_full_outbox_drops_the_oldest_and_counts_them(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append([call(1)])
    other = stores.open(store.path)
    with store.read():
        monkeypatch.setattr("firsttoken.store.store.LOCK_BUDGET_S", 0.05)
        batches = [[call(number), call(number + 1)] for number in (10, 20, 30)]
        for batch in batches:
            filled = stores.SpanBatch()
            for one in batch:
                filled.add_record(one)
            other.append_batch(filled, patience_s=0.05)
            size = outbox.segments(store.path)[-1].size
            monkeypatch.setattr(outbox, "BOUND", int(size * 2.5))
    assert [segment.spans for segment in outbox.segments(store.path)] == [2, 2]
    assert maintenance.info(store).drops == ((outbox.OVERFLOW, 2),)
    store.append([call(40)])
    state = maintenance.info(store)
    assert state.drops == ((outbox.OVERFLOW, 2),)
    assert (state.spans, state.outbox_spans) == (6, 0)


@pytest.mark.parametrize("content", [b"no json", b"[]", b'{"trace_id": []}', b"\xff", b'{"trace_id": "1"', b"{}\n{}"])
def test_a_segment_that_cannot_be_read_stops_nobody_and_is_counted(store: Store, content: bytes) -> None:
    store.append([call(1)])
    other = stores.open(store.path)
    with store.read():
        other.append([call(2)])
        other.append([call(3)])
    first, second = outbox.segments(store.path)
    first.path.write_bytes(content)
    store.append([call(4)])
    state = maintenance.info(store)
    assert (state.spans, state.drops) == (3, (("refused by the store", 1 + content.count(b"\n")),))
    assert not second.path.exists()
    assert first.path.with_suffix(".refused").read_bytes() == content
