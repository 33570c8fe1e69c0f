"""A writer that is killed in the middle of a block: the file opens again, as it was before that commit.

DuckDB writes the block with the metadata over itself before the header says that the new is valid. What a kill in the
middle leaves is put together here of the file before and after a commit: all blocks of the latter but for a part of
those with metadata, and the header of the former.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from firsttoken import store as stores
from firsttoken.store import Store, outbox
from firsttoken.store.lock import lock_file, writer_died
from tests.store.spans import START, call

HEADERS = 3 * 4096
BLOCK = 256 * 1024
PAGE = 4096


def metadata_blocks(path: Path) -> list[int]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return [row[0] for row in connection.execute("SELECT block_id FROM pragma_metadata_info()").fetchall()]


def changed_pages(before: bytes, after: bytes, block: int) -> list[int]:
    """The pages of `block` that a commit changed."""
    begin = HEADERS + block * BLOCK
    places = range(begin, begin + BLOCK, PAGE)
    return [n for n, place in enumerate(places) if before[place : place + PAGE] != after[place : place + PAGE]]


def killed_in_its_turn(store: Store, commit: Callable[[], None], part: float, torn: int = 0) -> bool:
    """Makes `commit`, and leaves the store as if its writer had died while it wrote over a block with metadata.

    Args:
        store: its file.
        commit: writes to it.
        part: how much of what changed in the block is written, from 0 (its first page) to 1 (all but the last page).
        torn: which of the blocks that were written over.

    Returns: whether there is such a block.
    """
    before = store.path.read_bytes()
    old = metadata_blocks(store.path)
    commit()
    after = store.path.read_bytes()
    changed = {block: pages for block in old if len(pages := changed_pages(before, after, block)) > 1}
    image = bytearray(after.ljust(len(before), b"\0"))
    image[len(after) :] = before[len(after) :]
    image[:HEADERS] = before[:HEADERS]
    for block, pages in list(changed.items())[torn : torn + 1]:
        begin = HEADERS + block * BLOCK
        cut = begin + PAGE * pages[1 + int(part * (len(pages) - 2))]
        image[cut : begin + BLOCK] = before[cut : begin + BLOCK]
    store.path.write_bytes(image)
    lock_file(store.path).write_bytes(b"w")
    return torn < len(changed)


def numbers(store: Store) -> list[int]:
    with store.read() as connection:
        found = connection.execute("SELECT span_id FROM spans ORDER BY span_id").fetchall()
        calls = connection.execute("SELECT span_id FROM calls ORDER BY span_id").fetchall()
    assert found == calls
    return [int(text, 16) for (text,) in found]


@pytest.mark.parametrize("who", ["writer", "reader"])
def test_every_cut_through_the_metadata_is_mended(store: Store, who: str, caplog: pytest.LogCaptureFixture) -> None:
    """By whoever comes next; nothing that was acknowledged before is lost, and nothing of the commit is half there."""
    expected = list(range(1, 21))
    store.append([call(number) for number in expected])
    for round_ in range(4):
        torn = killed_in_its_turn(store, lambda new=100 + round_: store.append([call(new)]), round_ / 3)
        assert torn, "DuckDB does write over its metadata"
        with pytest.raises(duckdb.Error, match="checksum"):
            duckdb.connect(str(store.path), read_only=True)
        assert writer_died(store.path)
        if who == "writer":
            store.append([call(200 + round_)])
            expected.append(200 + round_)
        assert numbers(store) == expected
        assert not writer_died(store.path)
    assert caplog.text.count("whole again") == 4
    assert list(store.path.parent.glob("*.damaged-*")) == []


def test_what_the_dead_writer_had_accepted_goes_in(store: Store) -> None:
    store.append([call(1)])
    batch = stores.SpanBatch()
    batch.add_record(call(2))

    killed_in_its_turn(store, lambda: store.append([call(2)]), 0.5)
    outbox.spill(store.path, batch)
    assert numbers(store) == [1, 2]


def test_where_the_metadata_fills_several_blocks_each_is_mended(store: Store) -> None:
    store.append([call(1)])
    wide = ", ".join(f"range AS column_{number}" for number in range(4000))
    with store.write() as connection:
        connection.execute(f"CREATE TABLE wide AS SELECT {wide} FROM range(3)")
    assert len(metadata_blocks(store.path)) > 1
    torn = 0
    while killed_in_its_turn(store, lambda new=10 + torn: store.append([call(new)]), 0, torn):
        torn += 1
        assert numbers(store) == [1]
        with store.read() as connection:
            assert connection.execute("SELECT count(*), sum(column_3999) FROM wide").fetchone() == (3, 3)
    assert torn >= 1


def test_a_process_that_is_killed_in_its_turn_leaves_a_mark(store: Store) -> None:
    store.append([call(1, start=START)])
    script = (
        "import os, signal, sys\nfrom firsttoken import store\n"
        "with store.open(sys.argv[1]).write():\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(store.path)], check=False)
    assert writer_died(store.path)
    assert numbers(store) == [1]
    assert not writer_died(store.path)


def test_a_block_whose_content_is_wrong_is_not_called_whole(store: Store) -> None:
    """A checksum that fits what is there says nothing of whether that is right: the metadata itself is read."""
    store.append([call(1)])
    image = bytearray(store.path.read_bytes())
    image[HEADERS + 8 : HEADERS + BLOCK] = random.Random(1).randbytes(BLOCK - 8)
    store.path.write_bytes(image)
    store.append([call(2)])
    assert numbers(store) == [2]
    assert len(list(store.path.parent.glob("*.damaged-*"))) == 1
