"""`python -m firsttoken_dashboard.demo.api`: the look-alike by itself, for benchmarks and for trying things out."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import anthropic

from firsttoken_dashboard import pricing
from firsttoken_dashboard.demo.api.cache import LOOK_BACK_BLOCKS, MAX_MARKERS, TTL_S

ALONE = [sys.executable, "-m", "firsttoken_dashboard.demo.api"]


def test_it_prints_its_address_and_serves_until_interrupted(tmp_path: Path) -> None:
    overlay = tmp_path / "scaled.toml"
    server = subprocess.Popen(
        [*ALONE, "--time-scale", "100", "--models-overlay", str(overlay)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stdout
    with anthropic.Anthropic(base_url=server.stdout.readline().strip(), api_key="key") as client:
        assert client.models.retrieve("claude-opus-5").id == "claude-opus-5"
    server.send_signal(signal.SIGINT)
    _, said = server.communicate(timeout=10)
    assert (server.returncode, said) == (0, "")
    rules = pricing.load(overlay).cache
    assert (rules.ttl_5m_s, rules.ttl_1h_s) == (3.0, 36.0)


def test_a_busy_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = subprocess.run([*ALONE, "--port", str(port)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert str(port) in run.stderr


def test_its_cache_rules_are_those_of_the_price_list() -> None:
    rules = pricing.load().cache
    assert {"5m": rules.ttl_5m_s, "1h": rules.ttl_1h_s} == TTL_S
    assert (rules.lookback_blocks, rules.max_marks) == (LOOK_BACK_BLOCKS, MAX_MARKERS)
