"""`firsttoken import`: every form of file that a collector or an exporter leaves behind."""

from __future__ import annotations

import contextlib
import gzip
import json
import multiprocessing
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, wait
from pathlib import Path

import pytest

from firsttoken import store
from firsttoken.store import outbox
from firsttoken_dashboard import import_decoding, import_files
from firsttoken_dashboard.cli import main
from firsttoken_dashboard.receive.pieces import Piece
from tests.receive.conftest import rows
from tests.receive.otlp import json_request, json_span, request, span

LINES = b"".join(json_request(json_span(number)) + b"\n" for number in (1, 2, 3))
MESSAGES = [request(span(number)).SerializeToString() for number in (1, 2, 3)]
FORMS = {
    "a collector's JSON lines": LINES,
    "lines without a newline at the end": LINES[:-1],
    "blank lines between": LINES.replace(b"\n", b"\n\n"),
    "a document over many lines": json.dumps(
        json.loads(json_request(json_span(1), json_span(2), json_span(3))), indent=2
    ).encode(),
    "one protobuf message": request(span(1), span(2), span(3)).SerializeToString(),
    "a collector's protobuf file": b"".join(struct.pack(">I", len(message)) + message for message in MESSAGES),
    "gzipped lines": gzip.compress(LINES),
    "gzipped protobuf": gzip.compress(request(span(1), span(2), span(3)).SerializeToString()),
    "lines of other signals between": b'{"resourceMetrics":[]}\n' + LINES + b'{"resourceLogs":[]}\n',
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    file, path = tmp_path / "traces", tmp_path / "store.duckdb"
    file.write_bytes(FORMS[form])

    assert main(["import", str(file), "--store", str(path)]) == 0

    assert rows(store.open(path), "SELECT count(*), min(service_name) FROM calls") == [(3, "shop")]
    assert capsys.readouterr().out == f"{file}: 3 spans\n"


def test_importing_a_file_twice_stores_it_once(tmp_path: Path) -> None:
    file, path = tmp_path / "traces.jsonl", tmp_path / "store.duckdb"
    file.write_bytes(LINES)

    for _ in range(2):
        assert main(["import", str(file), "--store", str(path)]) == 0

    assert rows(store.open(path), "SELECT count(*) FROM spans") == [(3,)]


def test_a_file_larger_than_what_may_lie_beside_the_store_comes_in_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken into the tables while it is read, so that nothing of it is dropped as too much."""
    bound = 300_000
    monkeypatch.setattr(outbox, "BOUND", bound)
    monkeypatch.setattr(import_files, "_GROUP_BYTES", bound // 20)
    fill = store.Store.outbox_fill
    fills: list[float] = []

    def noted(opened: store.Store) -> float:
        fills.append(fill(opened))
        return fills[-1]

    # The bound of the processes that decode is another one: what they lay there is looked at from here.
    monkeypatch.setattr(store.Store, "outbox_fill", noted)
    file, path = tmp_path / "traces.jsonl", tmp_path / "store.duckdb"
    lines = [json_request(*(json_span(line * 10 + n + 1) for n in range(10))) for line in range(200)]
    file.write_bytes(b"\n".join(lines))

    assert main(["import", str(file), "--store", str(path)]) == 0

    read = store.open(path)
    ((spans, size),) = rows(read, "SELECT count(*), sum(length(spans::VARCHAR)) FROM spans")
    assert (spans, size > bound) == (2000, True)
    assert rows(read, "SELECT count(*) FROM drops") == [(0,)]
    assert 0.2 < max(fills) < 1


def test_bad_lines_are_told_whichever_process_met_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(import_files, "_GROUP_BYTES", 1)
    file, path = tmp_path / "traces.jsonl", tmp_path / "store.duckdb"
    good = [json_request(json_span(number)) for number in range(1, 9)]
    file.write_bytes(b"\n".join([*good[:2], b'{"resourceSpans": [}', *good[2:], b"{"]))

    assert main(["import", str(file), "--store", str(path)]) == 0

    told = capsys.readouterr()
    assert told.out == f"{file}: 8 spans\n"
    assert "2 of 10 lines left out, the first: line 3" in told.err
    assert rows(store.open(path), "SELECT count(*) FROM calls") == [(8,)]


@pytest.mark.parametrize("idle", [True, False], ids=["idle", "at work"])
def test_an_import_whose_decoder_is_killed_says_so_and_what_it_stored_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, idle: bool
) -> None:
    """It does not wait for ever to hand over the next piece, which is more than a pipe holds."""

    class Decoders(import_decoding.Decoders):
        def submit(self, store: Path, pieces: Sequence[Piece]) -> Future[import_decoding.Tally]:
            submitted = super().submit(store, pieces)
            if idle:
                wait([submitted])
            for process in multiprocessing.active_children():
                process.kill()
                process.join()
            return submitted

    monkeypatch.setattr(import_files, "_GROUP_BYTES", 1)
    file, path = tmp_path / "traces.jsonl", tmp_path / "store.duckdb"
    spans = [json_span(number) for number in range(1, 6001)]
    file.write_bytes(b"\n".join(json_request(*spans[first : first + 2000]) for first in range(0, 6000, 2000)))
    with monkeypatch.context() as patched:
        patched.setattr(import_decoding, "Decoders", Decoders)
        assert main(["import", str(file), "--store", str(path)]) == 2
    assert "import again" in capsys.readouterr().err
    if idle:
        assert rows(store.open(path), "SELECT count(*) FROM spans") == [(2000,)]
    assert main(["import", str(file), "--store", str(path)]) == 0
    assert rows(store.open(path), "SELECT count(*) FROM spans") == [(6000,)]


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_no_decoder_outlives_an_import_that_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    line = json_request(*(json_span(number) for number in range(1, 1001)))
    with file.open("wb") as out:
        for _ in range(300):
            out.write(line + b"\n")
    command = [str(Path(sys.executable).with_name("firsttoken")), "import", str(file)]
    running = subprocess.Popen([*command, "--store", str(tmp_path / "store.duckdb")], start_new_session=True)
    deadline = time.monotonic() + 60
    while len(of_session(running.pid)) < 2:
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.kill()
    running.wait()
    while of_session(running.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def of_session(session: int) -> list[int]:
    """The living processes of a session."""
    found: list[int] = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, of = status.read_text().rpartition(")")[2].split()[:4]
            if int(of) == session and state != "Z":
                found.append(int(status.parent.name))
    return found


def test_a_bad_line_costs_only_itself_and_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, path = tmp_path / "traces.jsonl", tmp_path / "store.duckdb"
    file.write_bytes(LINES + b'{"resourceSpans": [}\n' + json_request(json_span(4, spanId="short"), json_span(5)))

    assert main(["import", str(file), "--store", str(path)]) == 0

    said = capsys.readouterr().err
    assert "1 of 5 lines left out, the first: line 4" in said
    assert "1 spans left out: spanId is not 16 hex digits" in said
    assert rows(store.open(path), "SELECT count(*) FROM spans") == [(4,)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"root:x:0:0:root\n", "neither OTLP JSON nor OTLP protobuf"),
        (b'{"a": 1}\n', "holds no OTLP"),
        (b"\x28\xb5\x2f\xfd rest", "zstd -d"),
        (gzip.compress(LINES)[:-20], "cannot be unpacked"),
        (FORMS["a collector's protobuf file"][:-5], "ends within message 3"),
    ],
    ids=["text", "other JSON", "zstd", "gzip cut short", "protobuf cut short"],
)
def test_what_is_no_whole_otlp_file_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, sentence: str
) -> None:
    file = tmp_path / "traces"
    file.write_bytes(content)

    assert main(["import", str(file), "--store", str(tmp_path / "store.duckdb")]) == 2

    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_an_empty_file_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.touch()

    assert main(["import", str(file), "--store", str(tmp_path / "store.duckdb")]) == 0


def test_a_missing_file_and_a_directory_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("missing.jsonl", "."):
        assert main(["import", str(tmp_path / name), "--store", str(tmp_path / "store.duckdb")]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_dash_is_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    command = [sys.executable, "-m", "firsttoken_dashboard.cli", "import", "-", "--store", str(path)]

    subprocess.run(command, input=LINES, check=True, timeout=60)

    assert rows(store.open(path), "SELECT count(*) FROM spans") == [(3,)]


def test_a_collectors_progress_does_not_litter_a_pipe(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_bytes(LINES)
    command = [sys.executable, "-m", "firsttoken_dashboard.cli", "import", str(file), "--store", str(tmp_path / "s")]

    assert subprocess.run(command, check=True, timeout=60, capture_output=True).stderr == b""
