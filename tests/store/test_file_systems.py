"""What a full disk and a read-only file system do: nothing that was accepted is lost, and a reader still reads.

Small file systems in memory, mounted for the test, which only root may do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from firsttoken import store as stores
from firsttoken.store import maintenance, outbox
from tests.store.spans import call

MEBIBYTE = 2**20


def mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def small(tmp_path: Path) -> Generator[Path]:
    """A file system of eight mebibytes."""
    place = tmp_path / "small"
    place.mkdir()
    if os.name != "posix" or shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    if not mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)):
        pytest.skip("only root may mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def batch(first: int, count: int) -> stores.SpanBatch:
    """Spans of a kilobyte each, of texts that do not compress."""
    filled = stores.SpanBatch()
    for number in range(first, first + count):
        blocks = [os.urandom(32).hex() for _ in range(16)]
        filled.add_record(call(number, {"firsttoken.prompt.blocks": blocks, "gen_ai.response.id": f"msg_{number}"}))
    return filled


def numbers(store: stores.Store) -> set[int]:
    with store.read() as connection:
        found = connection.execute("SELECT span_id FROM spans").fetchall()
    assert len(found) == len(set(found))
    return {int(text, 16) for (text,) in found}


@pytest.mark.parametrize("way", ["deposit", "append_batch"])
def test_on_a_full_disk_what_was_accepted_stays_and_what_is_lost_is_counted(small: Path, way: str) -> None:
    """And as soon as there is room again, everything goes on."""
    store = stores.open(small / "store.duckdb")
    accepted: set[int] = set()
    refused = 0
    for first in range(1, 20_001, 250):
        try:
            getattr(store, way)(batch(first, 250))
            accepted |= set(range(first, first + 250))
        except stores.StoreError as error:
            assert "free some space" in str(error)  # noqa: PT017 - it need not happen in each round
            refused += 250
            if refused == 500:
                break
    assert refused == 500, "the disk is full"
    assert len(accepted) >= 1000
    assert mount("-o", "remount,size=64m", str(small))
    store.append([call(90_000)])
    assert numbers(stores.open(store.path)) == accepted | {90_000}
    state = maintenance.info(store)
    assert state.outbox_segments == 0
    assert state.drops == (("could not be written", 500),)


def test_a_full_disk_leaves_what_is_stored_readable(small: Path) -> None:
    store = stores.open(small / "store.duckdb")
    store.append_batch(batch(1, 100))
    (small / "ballast").write_bytes(bytes(os.statvfs(small).f_bavail * os.statvfs(small).f_frsize))
    with pytest.raises(stores.StoreError):
        store.append_batch(batch(200, 10))
    assert numbers(store) == set(range(1, 101))
    (small / "ballast").unlink()
    store.append_batch(batch(300, 10))
    assert numbers(store) == set(range(1, 101)) | set(range(300, 310))


def test_on_a_read_only_file_system_a_store_is_read_and_a_writer_told(small: Path) -> None:
    store = stores.open(small / "store.duckdb")
    store.append_batch(batch(1, 3))
    outbox.spill(store.path, batch(4, 1))
    assert mount("-o", "remount,ro", str(small))
    reader = stores.open(store.path)
    assert numbers(reader) == {1, 2, 3}
    assert maintenance.info(reader).outbox_spans == 1
    with pytest.raises(stores.StoreError) as error:
        reader.append_batch(batch(5, 1))
    assert "lost because" in str(error.value)
    with pytest.raises(stores.StoreError), reader.write():
        pass
    assert mount("-o", "remount,rw", str(small))
    assert numbers(reader) == {1, 2, 3, 4}
