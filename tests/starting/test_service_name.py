"""A service that nobody named is called by what its command line runs."""

from __future__ import annotations

import pytest

from firsttoken.service import PARENT_SERVICE, name
from tests.starting.application import Application


@pytest.mark.parametrize(
    ("argv", "orig_argv", "expected"),
    [
        ("app.py --fast", "python app.py --fast", "app"),
        ("/srv/shop/worker.py", "python -u -X dev /srv/shop/worker.py", "worker"),
        ("/srv/shop/__main__.py", "python /srv/shop/__main__.py", "shop"),
        ("/srv/shop.pyz", "python /srv/shop.pyz", "shop"),
        ("-m --fast", "python -m shop.worker --fast", "shop.worker"),
        ("-m", "python -Bmshop.worker", "shop.worker"),
        ("-m shop.web:app --port 80", "python -m uvicorn shop.web:app --port 80", "shop.web"),
        ("bin/uvicorn --host localhost shop.web:app", "python bin/uvicorn --host localhost shop.web:app", "shop.web"),
        ("bin/gunicorn -w 4 shop.wsgi:make()", "python bin/gunicorn -w 4 shop.wsgi:make()", "shop.wsgi"),
        ("bin/gunicorn", "python bin/gunicorn", "gunicorn"),
        ("bin/celery -A shop.tasks worker", "python bin/celery -A shop.tasks worker", "shop.tasks"),
        ("bin/flask --app=shop.web:app run", "python bin/flask --app=shop.web:app run", "shop.web"),
        ("bin/streamlit run pages/board.py", "python bin/streamlit run pages/board.py", "board"),
        ("-c", "python -c pass", None),
        ("- words", "python - words", None),
        ("", "python", None),
    ],
)
def test_it_is_the_script_the_module_or_what_a_launcher_launches(argv: str, orig_argv: str, expected: str | None):
    """`sys.argv` and `sys.orig_argv` as the interpreter has them while `sitecustomize` runs."""
    assert name(argv.split(" "), orig_argv.split(" "), {}) == expected


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("from multiprocessing.spawn import spawn_main; spawn_main(pipe_handle=6)", ["--multiprocessing-fork"]),
        ("from multiprocessing.forkserver import main; main(8, 9, ['__main__'])", []),
    ],
)
def test_a_child_that_multiprocessing_starts_has_its_parents_name(code: str, arguments: list[str]):
    assert name(["-c", *arguments], ["python", "-c", code, *arguments], {PARENT_SERVICE: "shop"}) == "shop"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "app"),
        ({"OTEL_SERVICE_NAME": "shop"}, "shop"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "team=a, service.name=shop"}, "shop"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "team=a"}, "app"),
    ],
    ids=str,
)
def test_a_name_that_the_user_gave_stands(application: Application, variables: dict[str, str], expected: str):
    application.run(
        "from opentelemetry import trace; trace.get_tracer('shop').start_span('checkout').end()", **variables
    )
    (span,) = application.stored()
    assert span.service == expected
