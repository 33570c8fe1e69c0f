"""Servers whose applications call Claude: each call is in the store with its line, in whichever process it was made.

What the processes of servers do with any span is told in `tests/starting`.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from firsttoken_dashboard.demo.api import LookAlike
from tests.adoption.calls import calls_in, line_of
from tests.starting.application import Application, ended
from tests.starting.servers import address_of, answer_of

ASGI = """\
    import os
    import anthropic

    client = anthropic.AsyncAnthropic(base_url=os.environ["CLAUDE"], api_key="key")
    ask = dict(model="claude-haiku-4-5", max_tokens=100, messages=[{"role": "user", "content": "Tell me of the sea."}])

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        async with client.messages.stream(**ask) as stream:
            await stream.get_final_message()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
"""
WSGI = """\
    import os
    import anthropic

    client = anthropic.Anthropic(base_url=os.environ["CLAUDE"], api_key="key")
    ask = dict(model="claude-haiku-4-5", max_tokens=100, messages=[{"role": "user", "content": "Tell me of the sea."}])

    def app(environ, start_response):
        with client.messages.stream(**ask) as stream:
            stream.until_done()
        start_response("200 OK", [])
        return [str(os.getpid()).encode()]
"""
TASKS = """\
    import os
    import anthropic
    from celery import Celery

    app = Celery("shop", broker="filesystem://")
    app.conf.broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue"}
    client = anthropic.Anthropic(base_url=os.environ["CLAUDE"], api_key="key")
    ask = dict(model="claude-haiku-4-5", max_tokens=100, messages=[{"role": "user", "content": "Tell me of the sea."}])

    @app.task(ignore_result=True)
    def work():
        client.messages.create(**ask)
        print("done", flush=True)
"""


@contextmanager
def serving(application: Application, claude: LookAlike, *words: str) -> Generator[str]:
    """The server's address while it runs; it is terminated, and has to have logged no traceback."""
    log = application.directory / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            application.command(*words),
            cwd=application.directory,
            env=application.environment(PYTHONPATH=str(application.directory), CLAUDE=claude.url),
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield address_of(process, log)
        finally:
            process.terminate()
            ended(process)
    assert "Traceback" not in log.read_text()


def recorded_as_sent(application: Application, claude: LookAlike, source: str, text: str) -> None:
    """Every call that reached the server is in the store, with the line that has `text`."""
    records = claude.settle()
    calls = calls_in(application.store)
    assert sorted(str(call.request_id) for call in calls) == sorted(record.request_id for record in records)
    site = (str(application.directory / "shop.py"), line_of(dedent(source), text))
    assert {(call.file, call.line) for call in calls} == {site}
    assert {call.service for call in calls} == {"shop"}


@pytest.mark.parametrize("options", [("--workers", "2"), ("--reload",)], ids=["workers", "reload"])
def test_uvicorn(application: Application, claude_api: LookAlike, options: tuple[str, ...]) -> None:
    """With `--reload`, the process that serves is another one after a file has changed."""
    script = application.script(ASGI, "shop.py")
    with serving(application, claude_api, "uvicorn", "shop:app", "--port", "0", *options) as address:
        pids = {answer_of(address) for _ in range(4)}
        if "--reload" in options:
            first = set(pids)
            script.write_text(script.read_text() + "\n# changed\n")
            until = time.monotonic() + 20
            while (pid := answer_of(address)) in first and time.monotonic() < until:
                time.sleep(0.1)
            pids.add(pid)
            assert len(pids) == 2
    recorded_as_sent(application, claude_api, ASGI, "client.messages.stream")


@pytest.mark.slow
def test_gunicorn_that_forks_before_the_first_call(
    application: Application, environment: Callable[..., Path], claude_api: LookAlike
) -> None:
    """The client is made before the fork, and used by both workers."""
    application = application.installed_in(environment("gunicorn>=23"))
    application.script(WSGI, "shop.py")
    words = ("gunicorn", "shop:app", "--bind", "127.0.0.1:0", "--workers", "2", "--preload")
    with serving(application, claude_api, *words) as address:
        for _ in range(6):
            answer_of(address)
    recorded_as_sent(application, claude_api, WSGI, "client.messages.stream")


@pytest.mark.slow
def test_celery(application: Application, environment: Callable[..., Path], claude_api: LookAlike) -> None:
    application = application.installed_in(environment("celery>=5.4"))
    application.script(TASKS, "shop.py")
    (application.directory / "queue").mkdir()
    send = "import shop; [shop.work.delay() for _ in range(4)]"
    subprocess.run(
        [str(application.programs / "python"), "-c", send],
        cwd=application.directory,
        env=application.environment(CLAUDE=claude_api.url),
        check=True,
    )
    log = application.directory / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            application.command("celery", "-A", "shop", "worker", "--concurrency", "2"),
            cwd=application.directory,
            env=application.environment(CLAUDE=claude_api.url),
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            until = time.monotonic() + 30
            while log.read_text().count("done") < 4 and time.monotonic() < until:
                time.sleep(0.1)
        finally:
            process.terminate()
            ended(process)
    recorded_as_sent(application, claude_api, TASKS, "client.messages.create")
