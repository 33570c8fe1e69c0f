"""The application's line that called: right through whatever lies between it and the SDK."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import zipfile
import zipimport
from collections.abc import Callable
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import anthropic
import pytest

from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import CallSpan, Recording
from tests.instrumentation.request import request

ASKED = request(output_tokens=9)


@pytest.fixture
def client(claude_api: LookAlike) -> Any:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test") as client:
        yield client


def here(offset: int = 0) -> tuple[str, int]:
    """The line of the caller, so many lines further down."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return __file__, frame.f_back.f_lineno + offset


def site(call: CallSpan) -> tuple[str, int]:
    return call[a.CODE_FILE], call[a.CODE_LINE]


def asynchronous(url: str, work: Callable[[Any], Any]) -> None:
    async def main() -> None:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="test") as client:
            await work(client)

    asyncio.run(main())


def test_a_plain_call(client: Any, recorded: Recording) -> None:
    expected = here(1)
    client.messages.create(**ASKED)
    call = recorded.call()
    assert site(call) == expected
    assert call[a.CODE_FUNCTION] == "test_a_plain_call"


def test_a_stream_helper(client: Any, recorded: Recording) -> None:
    expected = here(1)
    with client.messages.stream(**ASKED) as stream:
        stream.until_done()
    assert site(recorded.call()) == expected


def test_through_a_partial_and_a_decorator(client: Any, recorded: Recording) -> None:
    def traced(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return inner

    def ask_by(partial: Callable[[], Any]) -> Any:
        return partial()

    traced(ask_by)(functools.partial(client.messages.create, **ASKED))
    assert site(recorded.call()) == (__file__, inspect.getsourcelines(ask_by)[1] + 1)


def test_in_a_thread(client: Any, recorded: Recording) -> None:
    def work() -> None:
        client.messages.create(**ASKED)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    call = recorded.call()
    assert call[a.CODE_FUNCTION].endswith("work")
    assert call[a.CODE_LINE] == inspect.getsourcelines(work)[1] + 1


def test_gathered_without_a_function_of_ones_own(claude_api: LookAlike, recorded: Recording) -> None:
    async def work(client: Any) -> None:
        await asyncio.gather(client.messages.create(**ASKED), client.messages.create(**ASKED))

    asynchronous(claude_api.url, work)
    line = inspect.getsourcelines(work)[1] + 1
    assert [site(CallSpan(span)) for span in recorded.calls] == [(__file__, line)] * 2


def test_a_task_made_of_the_bare_call(claude_api: LookAlike, recorded: Recording) -> None:
    async def work(client: Any) -> None:
        task = asyncio.create_task(client.messages.create(**ASKED))
        await asyncio.wait_for(task, 5)

    asynchronous(claude_api.url, work)
    assert site(recorded.call()) == (__file__, inspect.getsourcelines(work)[1] + 1)


def test_an_async_stream_in_a_task(claude_api: LookAlike, recorded: Recording) -> None:
    async def read(client: Any) -> None:
        async with client.messages.stream(**ASKED) as stream:
            await stream.until_done()

    async def work(client: Any) -> None:
        await asyncio.create_task(read(client))

    asynchronous(claude_api.url, work)
    assert site(recorded.call()) == (__file__, inspect.getsourcelines(read)[1] + 1)


def test_a_framework_in_site_packages_is_passed_over(client: Any, recorded: Recording, tmp_path: Path) -> None:
    framework = tmp_path / "site-packages" / "framework.py"
    framework.parent.mkdir()
    framework.write_text("def ask(client, asked):\n    return client.messages.create(**asked)\n")
    module = ModuleType("framework")
    exec(compile(framework.read_text(), str(framework), "exec"), vars(module))
    expected = here(1)
    module.ask(client, ASKED)
    assert site(recorded.call()) == expected


def test_an_application_imported_from_a_zip(client: Any, recorded: Recording, tmp_path: Path) -> None:
    archive = tmp_path / "application.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped.py", "def ask(client, asked):\n    return client.messages.create(**asked)\n")
    _zipped(archive).ask(client, ASKED)
    assert recorded.call()[a.CODE_FILE] == str(archive / "zipped.py")
    assert recorded.call()[a.CODE_LINE] == 2


def _zipped(archive: Path) -> ModuleType:
    spec = zipimport.zipimporter(str(archive)).find_spec("zipped")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_cell_of_a_notebook(client: Any, recorded: Recording) -> None:
    cell = "<ipython-input-3-0123456789ab>"
    exec(
        compile("\nclient.messages.create(**asked)", cell, "exec"),
        {"client": client, "asked": ASKED, "__name__": "__main__"},
    )
    call = recorded.call()
    assert (call[a.CODE_FILE], call[a.CODE_LINE], call[a.CODE_FUNCTION]) == (cell, 2, "<module>")
