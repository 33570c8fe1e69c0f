"""Web servers that get SIGTERM: each finished request's spans are stored, and the exit status is the server's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.starting.application import Application, names
from tests.starting.servers import ASGI, WSGI, serve_and_terminate

REQUESTS = 5
GUNICORN = ("gunicorn", "shop:app", "--bind", "127.0.0.1:0", "--workers", "2")


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one process", "workers"])
def test_uvicorn(application: Application, options: tuple[str, ...]):
    """It raises the signal again after its graceful end, so that the process dies of it."""
    application.script(ASGI, "shop.py")
    words = ("uvicorn", "shop:app", "--port", "0", *options)
    plain = serve_and_terminate(application, *words, requests=1, instrumented=False)
    assert serve_and_terminate(application, *words, requests=REQUESTS) == plain
    assert names(application.stored()) == ["request"] * REQUESTS
    assert {span.service for span in application.stored()} == {"shop"}


@pytest.mark.parametrize("worker", ["sync", "gthread"])
def test_gunicorn(application: Application, with_gunicorn: Path, worker: str):
    application = application.installed_in(with_gunicorn)
    application.script(WSGI, "shop.py")
    words = (*GUNICORN, "--worker-class", worker)
    assert serve_and_terminate(application, *words, requests=REQUESTS) == 0
    assert names(application.stored()) == ["request"] * REQUESTS
    assert {span.service for span in application.stored()} == {"shop"}


def test_gunicorn_that_loads_the_application_before_it_forks(application: Application, with_gunicorn: Path):
    application = application.installed_in(with_gunicorn)
    application.script(WSGI, "shop.py")
    words = (*GUNICORN, "--preload")
    assert serve_and_terminate(application, *words, requests=REQUESTS) == 0
    assert names(application.stored()) == ["request"] * REQUESTS


def test_gunicorn_with_uvicorns_workers(application: Application, with_gunicorn: Path):
    """The worker puts SIGTERM's default back first, and uvicorn raises it: no handler is left to come to."""
    application = application.installed_in(with_gunicorn)
    application.script(ASGI, "shop.py")
    words = (*GUNICORN, "--worker-class", "uvicorn_worker.UvicornWorker")
    assert serve_and_terminate(application, *words, requests=REQUESTS) == 0
    assert names(application.stored()) == ["request"] * REQUESTS
