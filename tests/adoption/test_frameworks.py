"""Frameworks on top of the SDK: each call is recorded once, at the application's line wherever there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from firsttoken_dashboard.demo.api import LookAlike
from tests.adoption.calls import StoredCall, calls_in, spans_with_usage
from tests.starting.application import Application

pytestmark = pytest.mark.slow

#: A comment `# call` marks a line at which the application calls, `# calls` one at which it calls twice.
LANGCHAIN = """\
    import asyncio, sys
    from langchain_anthropic import ChatAnthropic

    model = ChatAnthropic(model="claude-haiku-4-5", base_url=sys.argv[1], api_key="key", max_tokens=50)
    model.invoke("Tell me of the sea.")  # call
    list(model.stream("Tell me of the sea."))  # call

    async def main():
        await model.ainvoke("Tell me of the sea.")  # call
        async for _ in model.astream("Tell me of the sea."):  # call
            pass
        await model.abatch(["Tell me of the sea.", "Tell me of ships."])  # calls

    asyncio.run(main())
"""
PYDANTIC_AI = """\
    import asyncio, sys
    from pydantic_ai import Agent
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    agent = Agent(AnthropicModel("claude-haiku-4-5", provider=AnthropicProvider(api_key="key", base_url=sys.argv[1])))

    async def main():
        await agent.run("Tell me of the sea.")  # call
        async with agent.run_stream("Tell me of the sea.") as result:  # call
            await result.get_output()

    asyncio.run(main())
    agent.run_sync("Tell me of the sea.")  # call
"""
THREADS = """\
    import sys
    from langchain_anthropic import ChatAnthropic

    model = ChatAnthropic(model="claude-haiku-4-5", base_url=sys.argv[1], api_key="key", max_tokens=50)
    model.batch(["Tell me of the sea.", "Tell me of ships."])
"""
LOGFIRE = """\
    import sys
    import logfire

    logfire.configure(send_to_logfire=False, console=False)
    import anthropic

    client = anthropic.Anthropic(base_url=sys.argv[1], api_key="key")
    with logfire.span("handle"):
        client.messages.create(model="claude-haiku-4-5", max_tokens=50, messages=[{"role": "user", "content": "Yes?"}])
"""
NOTEBOOK = """\
    import sys
    import nbclient, nbformat

    cells = [
        "import anthropic\\nclient = anthropic.Anthropic(base_url=%r, api_key='key')" % sys.argv[1],
        "ask = dict(model='claude-haiku-4-5', max_tokens=50, messages=[{'role': 'user', 'content': 'Yes?'}])\\n\\n"
        "client.messages.create(**ask)\\nNone",
        "async with anthropic.AsyncAnthropic(base_url=str(client.base_url), api_key='key') as other:\\n"
        "    await other.messages.create(**ask)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, kernel_name="python3").execute()
    print([output for cell in notebook.cells for output in cell.outputs])
"""


def run(application: Application, claude: LookAlike, source: str) -> list[StoredCall]:
    """The calls of a script, each of which the server has seen, and no other."""
    ran = application.run(source, claude.url)
    assert ran.status == 0, ran.stderr
    assert "firsttoken" not in ran.stderr
    calls = calls_in(application.store)
    records = claude.settle()
    assert sorted(str(call.request_id) for call in calls) == sorted(record.request_id for record in records)
    assert [call.output_tokens for call in calls] == [record.output_tokens for record in records]
    assert len(spans_with_usage(application.store)) == len(calls)
    return calls


@pytest.mark.parametrize(
    ("packages", "source"),
    [("langchain-anthropic>=1", LANGCHAIN), ("pydantic-ai-slim[anthropic]>=2", PYDANTIC_AI)],
    ids=["LangChain", "PydanticAI"],
)
def test_the_site_is_the_applications_line(
    packages: str, source: str, application: Application, environment: Callable[..., Path], claude_api: LookAlike
) -> None:
    application = application.installed_in(environment(packages))
    calls = run(application, claude_api, source)
    marked = [
        number
        for number, line in enumerate(dedent(source).splitlines(), 1)
        for _ in range(2 if line.endswith("# calls") else line.endswith("# call"))
    ]
    assert [call.line for call in calls] == marked
    assert {call.file for call in calls} == {str(application.directory / "app.py")}


def test_threads_of_a_framework_have_no_line_and_no_wrong_one(
    application: Application, environment: Callable[..., Path], claude_api: LookAlike
) -> None:
    """Then the site is the nearest span's above it that has a line, else the service and the prompt."""
    application = application.installed_in(environment("langchain-anthropic>=1"))
    calls = run(application, claude_api, THREADS)
    assert [(call.file, call.line) for call in calls] == [(None, None)] * 2


def test_logfire_as_the_applications_tracing(
    application: Application, environment: Callable[..., Path], claude_api: LookAlike
) -> None:
    """Its provider becomes the global one, and the store gets the spans too."""
    application = application.installed_in(environment("logfire>=5"))
    (call,) = run(application, claude_api, LOGFIRE)
    assert (call.line, call.dialect) == (9, "firsttoken")


def test_a_notebook(application: Application, environment: Callable[..., Path], claude_api: LookAlike) -> None:
    """The site is the cell, by a name that it keeps in every session for as long as it is not edited."""
    application = application.installed_in(environment("ipykernel>=6", "nbclient>=0.10"))
    first = run(application, claude_api, NOTEBOOK)
    assert [call.line for call in first] == [3, 2]
    assert all(str(call.file).startswith("<notebook>#") for call in first)

    claude_api.clear()
    application.store.unlink()
    again = run(application, claude_api, NOTEBOOK)
    assert [call.file for call in again] == [call.file for call in first]
