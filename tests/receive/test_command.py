"""`firsttoken receive` as a process: where it listens, whom it lets in, how it ends."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firsttoken import store
from firsttoken_dashboard.cli import main
from firsttoken_dashboard.receive.server import Receiver
from tests.receive.conftest import ANY_PORT, Running, rows
from tests.receive.otlp import request, span


@contextmanager
def process(*arguments: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """The command on free ports, and the base of its HTTP address."""
    command = [sys.executable, "-m", "firsttoken_dashboard.cli", "receive", "--http-port=0", "--grpc-port=0"]
    started = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert started.stdout is not None
        found = re.search(r"http://[\d.]+:\d+", started.stdout.readline())
        assert found, started.communicate()
        yield started, found[0]
    finally:
        started.kill()
        started.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_good_order_and_what_it_acknowledged_is_there(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "store.duckdb"
    with process("--store", str(path)) as (started, address):
        post = urllib.request.Request(
            f"{address}/v1/traces", request(span()).SerializeToString(), {"Content-Type": "application/x-protobuf"}
        )
        assert urllib.request.urlopen(post, timeout=20).status == 200
        started.send_signal(number)
        assert started.wait(20) == 0
    assert rows(store.open(path), "SELECT count(*) FROM spans") == [(1,)]


def test_what_it_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    with process("--store", str(path)) as (started, address):
        body = request(*(span(number) for number in range(1, 51))).SerializeToString()
        post = urllib.request.Request(f"{address}/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        assert urllib.request.urlopen(post, timeout=20).status == 200
        started.kill()
        started.wait(20)
    assert rows(store.open(path), "SELECT count(*) FROM spans") == [(50,)]


def test_beyond_loopback_it_wants_a_token(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["receive", "--host", "0.0.0.0", "--store", str(tmp_path / "store.duckdb")]) == 2

    assert "--token" in capsys.readouterr().err


def test_with_a_token_only_its_bearers_are_let_in(tmp_path: Path) -> None:
    opened = store.open(tmp_path / "store.duckdb")
    with Receiver(opened, ANY_PORT, token="secret") as listening:
        running = Running(listening, opened)
        body = request(span()).SerializeToString()

        assert running.post(body).status == 401
        assert running.post(body, Authorization="Bearer guessed").status == 401
        assert running.post(body, Authorization="Bearer secret").status == 200
        assert running.get("/health").status == 200


@pytest.mark.parametrize("option", ["--http-port", "--grpc-port"])
def test_a_taken_port_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    other = {"--http-port": "--grpc-port", "--grpc-port": "--http-port"}[option]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ["receive", option, port, other, "0", "--store", str(tmp_path / "store.duckdb")]
        assert main(words) == 2

    said = capsys.readouterr().err
    assert said.startswith(f"firsttoken receive: port {port} on 127.0.0.1 is taken")
    assert said.count("\n") == 1


def test_a_file_that_is_no_store_is_found_out_at_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 500)

    assert main(["receive", "--http-port=0", "--grpc-port=0", "--store", str(path)]) == 3
    assert capsys.readouterr().err.startswith("firsttoken receive: ")
