"""The application's line that called: right through whatever lies between it and the SDK."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import threading
import zipfile
import zipimport
from collections.abc import Callable
from importlib import import_module
from importlib.util import module_from_spec
from pathlib import Path
from site import addsitedir
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


#: What frameworks do between the application's line and the SDK.
FRAMEWORK = """\
import asyncio


def ask(client, asked):
    return client.messages.create(**asked)


async def call(client, asked):
    return await client.messages.create(**asked)


async def gathered(client, asked):
    return (await asyncio.gather(call(client, asked), asyncio.sleep(0)))[0]


async def twice_gathered(client, asked):
    return (await asyncio.gather(gathered(client, asked)))[0]


async def task(client, asked):
    return await asyncio.create_task(call(client, asked))


async def shielded(client, asked):
    return await asyncio.wait_for(asyncio.shield(call(client, asked)), 5)


async def waited(client, asked):
    done, _ = await asyncio.wait([asyncio.ensure_future(call(client, asked))])
    return done.pop().result()


async def anyio_group(client, asked):
    import anyio

    async with anyio.create_task_group() as group:
        group.start_soon(call, client, asked)


async def task_group(client, asked):
    async with asyncio.TaskGroup() as group:
        group.create_task(call(client, asked))


async def nobody_waits(client, asked):
    task = asyncio.create_task(call(client, asked))
    while not task.done():
        await asyncio.sleep(0.001)


def run_sync(made, client, asked):
    async def main():
        async with made() as client:
            return await gathered(client, asked)

    return asyncio.run(main())
"""


@pytest.fixture
def framework(tmp_path: Path) -> ModuleType:
    """A library as pip installs it."""
    file = tmp_path / "site-packages" / "framework.py"
    file.parent.mkdir()
    file.write_text(FRAMEWORK)
    module = ModuleType("framework")
    exec(compile(FRAMEWORK, str(file), "exec"), vars(module))
    return module


def test_a_framework_in_site_packages_is_passed_over(client: Any, recorded: Recording, framework: ModuleType) -> None:
    expected = here(1)
    framework.ask(client, ASKED)
    assert site(recorded.call()) == expected


@pytest.mark.parametrize(
    "name", ["call", "gathered", "twice_gathered", "task", "shielded", "waited", "anyio_group", "task_group"]
)
def test_the_line_that_waits_for_the_tasks_of_a_framework(
    name: str, claude_api: LookAlike, recorded: Recording, framework: ModuleType
) -> None:
    if name == "task_group" and not hasattr(asyncio, "TaskGroup"):
        pytest.skip("asyncio has task groups from Python 3.11 on")

    async def work(client: Any) -> None:
        await asyncio.sleep(0)
        await getattr(framework, name)(client, ASKED)

    asynchronous(claude_api.url, work)
    assert site(recorded.call()) == (__file__, inspect.getsourcelines(work)[1] + 2)


def test_a_frameworks_synchronous_face(claude_api: LookAlike, recorded: Recording, framework: ModuleType) -> None:
    made = functools.partial(anthropic.AsyncAnthropic, base_url=claude_api.url, api_key="test")
    expected = here(1)
    framework.run_sync(made, None, ASKED)
    assert site(recorded.call()) == expected


def test_a_task_that_nobody_waits_for_has_no_line_and_no_wrong_one(
    claude_api: LookAlike, recorded: Recording, framework: ModuleType
) -> None:
    asynchronous(claude_api.url, lambda client: framework.nobody_waits(client, ASKED))
    assert recorded.call().get(a.CODE_FILE) is None


def test_a_tool_runner(client: Any, recorded: Recording) -> None:
    if not hasattr(client.beta.messages, "tool_runner"):
        pytest.skip(f"anthropic {anthropic.__version__} has no tool runner")
    expected = here(1)
    client.beta.messages.tool_runner(**ASKED, tools=[]).until_done()
    assert site(recorded.call()) == expected


def test_an_application_that_is_installed_editable(
    client: Any, recorded: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .pth file in site-packages leads to the sources; they are the application, wherever pip has written it down."""
    sources = tmp_path / "checkout" / "src"
    sources.mkdir(parents=True)
    (sources / "edited.py").write_text("def ask(client, asked):\n    return client.messages.create(**asked)\n")
    packages = tmp_path / "site-packages"
    packages.mkdir()
    (packages / "edited.pth").write_text(f"{sources}\n")
    monkeypatch.setattr(sys, "path", [*sys.path])
    addsitedir(str(packages))
    import_module("edited").ask(client, ASKED)
    sys.modules.pop("edited")
    assert site(recorded.call()) == (str(sources / "edited.py"), 2)


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


@pytest.mark.parametrize("session", ["/work/analysis.ipynb", None])
def test_a_cell_of_a_notebook_has_the_same_name_in_every_session(
    session: str | None, client: Any, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel makes up a file for each cell, of its process id and of the cell's hash."""
    number = "41600" if session else "41601"
    if session:
        monkeypatch.setenv("JPY_SESSION_NAME", session)
    for process in (26017, 30001):
        cell = f"/tmp/ipykernel_{process}/{number}.py"
        exec(
            compile("\nclient.messages.create(**asked)", cell, "exec"),
            {"client": client, "asked": ASKED, "__name__": "__main__"},
        )
    expected = f"{session or '<notebook>'}#{number}"
    assert [site(CallSpan(span)) for span in recorded.calls] == [(expected, 2)] * 2


def test_a_cell_of_plain_ipython(client: Any, recorded: Recording) -> None:
    cell = "<ipython-input-3-0123456789ab>"
    exec(
        compile("\nclient.messages.create(**asked)", cell, "exec"),
        {"client": client, "asked": ASKED, "__name__": "__main__"},
    )
    call = recorded.call()
    assert (call[a.CODE_FILE], call[a.CODE_LINE], call[a.CODE_FUNCTION]) == (cell, 2, "<module>")
