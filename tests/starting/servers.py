"""A web server in a process of its own, under `opentelemetry-instrument` or without, asked over loopback."""

from __future__ import annotations

import re
import subprocess
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

from tests.starting.application import Application, ended

ASGI = """
    from opentelemetry import trace

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        with trace.get_tracer("shop").start_as_current_span("request"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"sold"})
"""
WSGI = """
    from opentelemetry import trace

    def app(environ, start_response):
        with trace.get_tracer("shop").start_as_current_span("request"):
            pass
        start_response("200 OK", [])
        return [b"sold"]
"""

# What uvicorn and gunicorn log once they listen; the port is the system's choice.
_LISTENING = re.compile(r"(?:running on|Listening at:) http://127\.0\.0\.1:(\d+)")


def serve_and_terminate(application: Application, *words: str, requests: int, instrumented: bool = True) -> int:
    """Start the server, make the requests, send SIGTERM at once; return the exit status."""
    command = application.command(*words)
    log = application.directory / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            command if instrumented else command[1:],
            cwd=application.directory,
            env=application.environment(PYTHONPATH=str(application.directory)),
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            address = address_of(process, log)
            for _ in range(requests):
                assert answer_of(address) == b"sold"
        finally:
            process.terminate()
            status = ended(process).status
    assert "Traceback" not in log.read_text()
    return status


def address_of(process: subprocess.Popen[str], log: Path) -> str:
    """Where it listens, as it says in its log."""
    for _ in range(400):
        listening = _LISTENING.search(log.read_text())
        if listening:
            return f"http://127.0.0.1:{listening[1]}/"
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(f"the server does not listen:\n{log.read_text()}")


def answer_of(address: str) -> bytes:
    """The server's answer; uvicorn names its port before a worker listens there."""
    for _ in range(400):
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return answer.read()
        except URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                raise
            time.sleep(0.05)
    raise AssertionError(f"nobody listens at {address}")
