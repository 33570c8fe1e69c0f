"""`firsttoken dashboard` as it starts, and how it refuses."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from tests.dashboard.conftest import serving


def refused(*words: str) -> str:
    command = [sys.executable, "-m", "firsttoken_dashboard.cli", "dashboard", "--no-browser", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    return done.stderr


def test_a_busy_port_is_one_sentence_that_says_what_to_do(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = refused("--port", str(port), "--store", str(tmp_path / "x.duckdb"))
    assert (
        told
        == f"firsttoken dashboard: port {port} is in use: choose another with --port, or --port 0 for a free one.\n"
    )


def test_another_address_without_a_token_is_refused_in_one_sentence_that_says_how(tmp_path: Path):
    told = refused("--host", "0.0.0.0", "--store", str(tmp_path / "x.duckdb"))
    assert "$FIRSTTOKEN_DASHBOARD_TOKEN or --token" in told
    assert len(told.splitlines()) == 1


def test_a_token_that_can_be_guessed_is_refused(tmp_path: Path):
    assert "openssl rand" in refused("--token", "1234", "--store", str(tmp_path / "x.duckdb"))


def test_a_page_that_pretends_to_live_on_this_machine_gets_nothing(pages: str):
    port = urlsplit(pages).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/", headers={"Host": "attacker.example"})
    assert connection.getresponse().status == 400
    connection.close()


def test_a_file_is_had_only_by_who_was_told_its_address(pages: str):
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(pages).port, timeout=10)
    connection.request("GET", f"/files/{'0' * 64}/calls.csv")
    assert connection.getresponse().status == 404
    connection.close()


def test_it_serves_without_a_store(tmp_path: Path):
    with serving(tmp_path / "none.duckdb") as address:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(address).port, timeout=10)
        connection.request("GET", "/calls")
        assert connection.getresponse().status == 200
        connection.close()
