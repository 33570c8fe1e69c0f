"""Many processes, one file: nothing that was acknowledged is lost, nothing is stored twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from firsttoken import store as stores
from firsttoken.store import Store, outbox
from tests.store.spans import START, call

WRITER = Path(__file__).with_name("writer.py")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def start(store: Store, first: int, count: int, size: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, str(WRITER), str(store.path), str(first), str(count), str(size)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def stored(store: Store) -> list[int]:
    """The numbers of all stored spans, as a reader sees them."""
    with store.read() as connection:
        found = connection.execute("SELECT span_id FROM spans").fetchall()
        calls = connection.execute("SELECT count(*) FROM calls").fetchone()
    assert calls == (len(found),), "spans and calls agree"
    assert outbox.segments(store.path) == []
    return sorted(int(text, 16) for (text,) in found)


def batch(*spans: stores.SpanRecord) -> stores.SpanBatch:
    filled = stores.SpanBatch()
    for span in spans:
        filled.add_record(span)
    return filled


def _timed_count(path: Path) -> tuple[int, float]:
    """The calls that another process sees, and the seconds until it knows."""
    began = time.monotonic()
    with stores.open(path).read() as connection:
        row = connection.execute("SELECT count(*) FROM calls").fetchone()
    assert row is not None
    return row[0], time.monotonic() - began


def test_processes_write_while_another_reads(store: Store) -> None:
    """Four writers, and a reader that asks all the time: no error on either side, every span once."""
    writers = [start(store, 1 + 1000 * n, 300, 50) for n in range(4)]
    seen = [0]
    while any(writer.poll() is None for writer in writers):
        try:
            with store.read() as connection:
                row = connection.execute("SELECT count(*) FROM calls").fetchone()
        except stores.StoreMissing:
            continue
        assert row is not None
        assert row[0] >= seen[-1], "what was read once stays"
        seen.append(row[0])
        time.sleep(0.02)
    acknowledged = sorted(int(number) for writer in writers for number in writer.communicate()[0].split())
    assert [writer.returncode for writer in writers] == [0] * 4
    assert len(acknowledged) == 1200
    assert stored(store) == acknowledged
    assert len(seen) > 4, "a reader gets its turn"


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a POSIX word")
def test_what_was_acknowledged_survives_kill_9(store: Store) -> None:
    """Writers are killed at random moments: the store opens, holds every acknowledged span once, and batches whole."""
    acknowledged: set[int] = set()
    moments = random.Random(5)
    for round_ in range(8):
        first = 1 + 10_000 * round_
        writers = [start(store, first + 1000 * n, 500, 10) for n in range(2)]
        assert writers[0].stdout is not None
        writers[0].stdout.readline()
        time.sleep(moments.random() * 0.3)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        rest = [writer.communicate()[0] for writer in writers]
        acknowledged |= {first} | {int(number) for text in rest for number in text.split()}
    found = stored(store)
    assert len(found) == len(set(found))
    assert acknowledged <= set(found)
    assert len(found) % 10 == 0, "a batch is there as a whole or not at all"


def test_who_reads_sees_what_lies_in_the_outbox(store: Store) -> None:
    """Nobody needs to write again: not after writers that ended while somebody held the file."""
    store.append([call(1)])
    other = stores.open(store.path)
    with store.read():
        for number in range(2, 5):
            other.append_batch(batch(call(number)), patience_s=0)
    with stores.open(store.path).read() as connection:
        assert connection.execute("SELECT count(*) FROM calls").fetchone() == (4,)
    assert outbox.segments(store.path) == []


def test_who_reads_sees_the_outbox_of_a_store_that_is_not_there_yet(store: Store) -> None:
    outbox.spill(store.path, batch(call(1), call(2)))
    assert stored(store) == [1, 2]


def test_readers_of_a_held_file_do_not_wait_for_the_outbox(store: Store) -> None:
    """While one reads, nobody can write: the other sees what was stored, at once."""
    store.append([call(1)])
    context = multiprocessing.get_context("spawn")
    with store.read():
        outbox.spill(store.path, batch(call(2)))
        with context.Pool(1) as pool:
            assert pool.apply(_timed_count, (store.path,))[0] == 1
            count, seconds = pool.apply(_timed_count, (store.path,))
    assert (count, seconds < 0.5) == (1, True)
    assert stored(store) == [1, 2]


@pytest.mark.parametrize("obstacle", ["lock", "outbox"])
def test_a_reader_that_may_not_write_reads_without_the_outbox(store: Store, obstacle: str) -> None:
    """As on a read-only file system, where no lock file opens for writing; and where the outbox is odd."""
    store.append([call(1)])
    for name in ("lock", "readers") if obstacle == "lock" else ():
        path = store.path.with_name(f"{store.path.name}.{name}")
        path.unlink()
        path.mkdir()
    if obstacle == "lock":
        outbox.spill(store.path, batch(call(2)))
    else:
        outbox.directory(store.path).rmdir()
        outbox.directory(store.path).write_text("no directory")
    with store.read() as connection:
        assert connection.execute("SELECT count(*) FROM calls").fetchone() == (1,)


def test_an_empty_batch_takes_in_the_outbox_or_leaves_it(store: Store) -> None:
    store.append([])
    assert not store.path.exists(), "nothing to write, nothing made"
    store.append([call(1)])
    outbox.spill(store.path, batch(call(2)))
    with store.read() as connection:
        outbox.spill(store.path, batch(call(3)))
        stores.open(store.path).append_batch(stores.SpanBatch(), patience_s=0)
        assert connection.execute("SELECT count(*) FROM calls").fetchone() == (2,)
    assert [segment.spans for segment in outbox.segments(store.path)] == [1]
    store.append([])
    assert outbox.segments(store.path) == []
    assert stored(store) == [1, 2, 3]


def test_what_is_deposited_is_durable_at_once_and_written_every_few_seconds(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first goes into the tables, so that there is a file; the next wait outside, for a time or a number."""
    for number in (1, 2, 3):
        store.deposit(batch(call(number)))
        store._deposits.wait()
    assert [segment.spans for segment in outbox.segments(store.path)] == [1, 1]
    monkeypatch.setattr("firsttoken.store.deposits.DEPOSIT_SPANS", 4)
    store.deposit(batch(call(4), call(5)))
    store._deposits.wait()
    assert outbox.segments(store.path) == []
    store.deposit(batch(call(6)))
    assert [segment.spans for segment in outbox.segments(store.path)] == [1]
    monkeypatch.setattr("firsttoken.store.deposits.DEPOSIT_S", 0.0)
    store.deposit(batch(call(7)))
    store._deposits.wait()
    assert outbox.segments(store.path) == []
    assert stored(store) == list(range(1, 8))


def test_what_is_deposited_is_durable_before_duckdb_is_loaded(store: Store) -> None:
    """So that a process which ends within the second that the import may take on a busy machine loses nothing."""
    script = (
        "import os, sys, time\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "class Killed:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'duckdb': os._exit(9)\n"
        "sys.meta_path.insert(0, Killed())\n"
        "from firsttoken import store\n"
        "from tests.store.spans import call\n"
        "batch = store.SpanBatch()\n"
        "batch.add_record(call(1))\n"
        f"store.open({str(store.path)!r}).deposit(batch)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    assert stored(store) == [1]


def test_no_deposit_waits_for_the_tables(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor for DuckDB to be loaded, which takes a quarter of a second where many processes do it at once."""
    monkeypatch.setattr("firsttoken.store.deposits.DEPOSIT_S", 0.0)
    let_go = threading.Event()
    turns: list[str] = []
    real = store._write_once

    def slow(deadline: float) -> None:
        turns.append(threading.current_thread().name)
        assert let_go.wait(30)
        real(deadline)

    monkeypatch.setattr(store, "_write_once", slow)
    for number in (1, 2, 3):
        store.deposit(batch(call(number)))
    assert [segment.spans for segment in outbox.segments(store.path)] == [1, 1, 1]
    assert [thread.name for thread in threading.enumerate()].count("firsttoken-store") == 1, (
        "one thread, whatever comes"
    )
    let_go.set()
    store._deposits.wait()
    assert turns == ["firsttoken-store"]
    assert outbox.segments(store.path) == []
    assert stored(store) == [1, 2, 3]


def test_a_store_that_turns_out_to_be_somebody_elses_is_told_at_the_next_deposit(store: Store) -> None:
    """What was accepted before is left for whoever can write it, here a newer version."""
    with store.write() as writing:
        writing.execute("INSERT INTO schema_version VALUES (99, make_timestamp_ns(0))")
    store.deposit(batch(call(1)))
    store._deposits.wait()
    with pytest.raises(stores.StoreUnreadable, match="newer firsttoken"):
        store.deposit(batch(call(2)))
    assert [segment.spans for segment in outbox.segments(store.path)] == [1]


@needs_fork
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_process_that_forks_while_deposits_are_written_goes_on_and_so_does_its_child(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firsttoken.store.deposits.DEPOSIT_S", 0.0)
    for number in range(1, 11):
        store.deposit(batch(call(number)))
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = 0 if store._writer._memory is None else 2
                store.deposit(batch(call(100 + number)))
                store._deposits.wait()
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    store._deposits.wait()
    assert stored(store) == [*range(1, 11), *range(101, 111)]


def test_an_interpreter_that_ends_while_deposits_are_written_ends_well(store: Store) -> None:
    """The thread is inside of DuckDB then, which must not be left in the middle."""
    script = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from firsttoken import store\n"
        "from tests.store.spans import call\n"
        "batch = store.SpanBatch()\n"
        "for number in range(1, 5001): batch.add_record(call(number))\n"
        f"store.open({str(store.path)!r}).deposit(batch)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert outbox.segments(store.path) == []
    assert len(stored(store)) == 5000


def test_a_long_backlog_is_taken_in_part_by_part(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_bytes_at_once", 1000)
    for number in range(1, 6):
        outbox.spill(store.path, batch(call(number)))
    store.append([call(6)])
    assert len(outbox.segments(store.path)) == 3
    assert stored(store) == [1, 2, 3, 4, 5, 6]


def test_a_long_question_draws_no_progress_into_the_applications_output(store: Store) -> None:
    """In a process without a script, which DuckDB takes for a person at a prompt; it draws from the third second on."""
    store.append([call(1)])
    question = "SELECT count(*) FROM range(2000000) t(i), range(700) u(j) WHERE hash(i * j) = 7"
    program = f"""
import sys
from pathlib import Path
from firsttoken import store
with store.open(Path(sys.argv[1])).read() as connection:
    connection.execute({question!r})
"""
    told = subprocess.run([sys.executable, "-c", program, str(store.path)], capture_output=True, timeout=60, check=True)
    assert (told.stdout, told.stderr) == (b"", b"")


def test_a_reader_that_holds_the_file_sends_spans_to_the_outbox_and_the_next_writer_fetches_them(
    store: Store,
) -> None:
    store.append([call(1)])
    with store.read() as connection:
        began = time.monotonic()
        other = stores.open(store.path)
        other.append([call(2)])
        waited = time.monotonic() - began
        other.append([call(3), call(1)])
        assert connection.execute("SELECT count(*) FROM spans").fetchone() == (1,)
    assert 0.4 < waited < 1.5
    assert [segment.spans for segment in outbox.segments(store.path)] == [1, 2]
    store.append([call(4)])
    assert outbox.segments(store.path) == []
    assert stored(store) == [1, 2, 3, 4]


def test_the_same_span_twice_is_stored_once(store: Store) -> None:
    """In one batch, in a later one, and with another end."""
    store.append([call(1), call(1)])
    store.append([call(1, seconds=5), call(2)])
    assert stored(store) == [1, 2]


def _append_in_child(store: Store, number: int) -> None:
    store.append([call(number)])


@needs_fork
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_store_that_was_used_can_be_forked(store: Store) -> None:
    """Parent and children go on writing with the same object; the file stays whole."""
    store.append([call(1)])
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_append_in_child, args=(store, number)) for number in (2, 3, 4)]
    for child in children:
        child.start()
        store.append([call(10 + (child.pid or 0))])
    for child in children:
        child.join(30)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert {1, 2, 3, 4} <= set(stored(store))


@needs_fork
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_fork_waits_for_the_append_that_is_under_way(store: Store) -> None:
    """Threads write all the time while the process forks; a connection is never open in a child."""
    stop = threading.Event()
    numbers = iter(range(100, 10_000))

    def write() -> None:
        while not stop.is_set():
            store.append([call(next(numbers), start=START)])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(1, 11):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    status = 0 if store._writer._memory is None else 2
                    store.append([call(number)])
                finally:
                    os._exit(status)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        thread.join()
    assert set(range(1, 11)) <= set(stored(store))
