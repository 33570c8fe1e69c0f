"""docker-compose.yml without an engine: it is valid, and what its services run runs, with other ports and folders."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from firsttoken import store
from tests.receive import collector
from tests.receive.collector import NEEDS_COLLECTOR, ROOT, eventually, free_ports
from tests.receive.conftest import stored
from tests.receive.test_collector import send

COMPOSE = shutil.which("docker-compose")
needs_compose = pytest.mark.skipif(COMPOSE is None, reason="no docker-compose: apt-get install docker-compose")
TOKEN = "0123456789abcdef"


def compose(*words: str, token: str | None = TOKEN) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FIRSTTOKEN_")}
    if token is not None:
        environment["FIRSTTOKEN_TOKEN"] = token
    return subprocess.run(
        [COMPOSE or "", *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """What Compose makes of the file."""
    told = compose("config", "--format", "json")
    if told.stdout.startswith("{"):
        return json.loads(told.stdout)["services"]
    # Compose 1 writes YAML only; the Python that it runs in reads it.
    told = compose("config")
    assert told.returncode == 0, told.stderr
    python = Path(COMPOSE or "").read_text(encoding="utf-8").partition("\n")[0].removeprefix("#!").split()
    script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"
    made = subprocess.run([*python, "-c", script], input=told.stdout, capture_output=True, text=True, check=True)
    return json.loads(made.stdout)["services"]


@needs_compose
def test_without_a_token_it_says_how_to_make_one() -> None:
    told = compose("config", token=None)
    assert told.returncode != 0
    assert "openssl rand" in told.stderr


@needs_compose
def test_images_have_versions_and_ports_are_loopbacks(services: dict[str, Any]) -> None:
    assert set(services) == {"collector", "receiver", "dashboard"}
    for service in services.values():
        assert re.search(r":\d+\.\d+", service["image"])
        assert all("127.0.0.1" in str(port) for port in service.get("ports", []))


@needs_compose
@NEEDS_COLLECTOR
def test_what_each_service_runs_runs_and_a_call_goes_from_the_collector_to_the_store(
    services: dict[str, Any], tmp_path: Path
) -> None:
    """Same command, environment, configuration and health check; ports, folders and names are this machine's."""
    opened = store.open(tmp_path / "data" / "firsttoken.duckdb")
    otlp_http, otlp_grpc, http, grpc, pages = free_ports(5)
    here = {"0.0.0.0": "127.0.0.1", "http://receiver:4318": f"http://127.0.0.1:{http}"}
    ports = {":4318/": f":{http}/", ":8501/": f":{pages}/"}
    with ExitStack() as running:
        receiver = running.enter_context(
            firsttoken(services["receiver"], opened.path, here, "--http-port", str(http), "--grpc-port", str(grpc))
        )
        dashboard = running.enter_context(firsttoken(services["dashboard"], opened.path, here, "--port", str(pages)))
        eventually(lambda: healthy(services["receiver"], ports), receiver)
        (tmp_path / "quiet.yaml").write_text("service: {telemetry: {metrics: {level: none}}}")  # which is a port too
        words = [in_folder(word, services["collector"]) for word in services["collector"]["command"]]
        others = {"OTLP_HTTP_PORT": str(otlp_http), "OTLP_GRPC_PORT": str(otlp_grpc)}
        environment = environment_of(services["collector"], here) | others
        words.append(f"--config={tmp_path}/quiet.yaml")
        started = running.enter_context(collector.process(words, environment, tmp_path / "collector.log"))
        address = f"http://127.0.0.1:{otlp_http}"
        eventually(lambda: collector.answers(address), started)
        send(OTLPSpanExporter(f"{address}/v1/traces"), range(5))
        eventually(lambda: stored(opened, "calls") == 5)
        eventually(lambda: healthy(services["dashboard"], ports), dashboard)


@contextmanager
def firsttoken(
    service: dict[str, Any], path: Path, here: dict[str, str], *words: str
) -> Generator[subprocess.Popen[bytes]]:
    """The image's entry point with the service's words, then those that say other ports."""
    told: list[str] = service["command"]
    chosen = [here.get(word, word) for word in told]
    command = [sys.executable, "-m", "firsttoken_dashboard.cli", *chosen, *words]
    environment = environment_of(service, here) | {"FIRSTTOKEN_STORE": str(path)}
    started = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield started
        assert started.poll() is None
    finally:
        started.terminate()
        started.wait(30)


def environment_of(service: dict[str, Any], here: dict[str, str]) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "FIRSTTOKEN_"))}
    told: dict[str, str] = service["environment"]
    return clean | {name: here.get(value, value) for name, value in told.items()}


def healthy(service: dict[str, Any], ports: dict[str, str]) -> bool:
    kind, python, *words = service["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python")
    for port, other in ports.items():
        words = [word.replace(port, other) for word in words]
    return subprocess.run([sys.executable, *words], capture_output=True, timeout=30, check=False).returncode == 0


def in_folder(word: str, service: dict[str, Any]) -> str:
    """A word with the path of a mounted file as it is outside."""
    for volume in service["volumes"]:
        source, target = volume.split(":")[:2] if isinstance(volume, str) else (volume["source"], volume["target"])
        if word == f"--config={target}":
            return f"--config={ROOT / source}"
    raise AssertionError(word)


def test_the_image_is_made_of_what_is_there_and_runs_as_a_plain_user() -> None:
    lines = [line.split() for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines() if line]
    stages = [line for line in lines if line[0] == "FROM"]
    assert len(stages) == 2
    assert all(re.fullmatch(r"python:\d+\.\d+-slim", stage[1]) for stage in stages)
    users = [line[1] for line in lines if line[0] == "USER"]
    assert users == ["firsttoken"]
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line[0] == "!"]
    for copied in (line[1:-1] for line in lines if line[0] == "COPY" and not line[1].startswith("--from")):
        for source in copied:
            assert (ROOT / source).exists()
            assert any(fnmatch(source, pattern) for pattern in kept), f"{source} is left out by .dockerignore"
