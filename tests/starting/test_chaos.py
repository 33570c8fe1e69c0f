"""Whatever of ours breaks while a process starts, forks, exports or ends: the application runs as without us.

Every function of the modules that work there is made to raise, each in a process of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pkgutil import walk_packages
from types import FunctionType

import pytest

import firsttoken
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.test_chaos import WHILE_IT_CALLS
from tests.starting.application import Application, Ended

pytestmark = pytest.mark.slow

#: What stands between the application and OpenTelemetry itself, and guards what it calls.
GUARDS = {
    "firsttoken.handover:_Handover.get_tracer",
    "firsttoken.handover:_OnceMore.do_once",
    "firsttoken.processor:StoreSpanProcessor.on_end",
    "firsttoken.processor:StoreSpanProcessor.shutdown",
    "firsttoken.processor:StoreSpanProcessor.force_flush",
}

#: Breaks what is named, then does what `opentelemetry-instrument` does, then is the application.
SCRIPT = """
    import importlib, os, sys

    class Broken(Exception):
        pass

    def broken(*_, **__):
        raise Broken("ours")

    module, _, path = sys.argv[2].partition(":")
    owner = importlib.import_module(module)
    *outer, name = path.split(".")
    for each in outer:
        owner = getattr(owner, each)
    kind = type(vars(owner)[name])
    setattr(owner, name, kind(broken) if kind in (staticmethod, classmethod, property) else broken)
    if not outer:  # where it was imported by name
        for other in list(sys.modules.values()):
            if getattr(other, "__name__", "").startswith("firsttoken") and name in vars(other):
                setattr(other, name, broken)

    from opentelemetry.instrumentation.auto_instrumentation import initialize

    initialize()

    import multiprocessing
    import anthropic
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry import trace

    def child():
        with trace.get_tracer("child").start_as_current_span("child"):
            pass

    client = anthropic.Anthropic(base_url=sys.argv[1], api_key="key", max_retries=0)
    ask = [{"role": "user", "content": "Yes?"}]
    print(client.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=ask).type)
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    print(process.exitcode)
    trace.set_tracer_provider(TracerProvider())
    print(type(trace.get_tracer_provider()) is TracerProvider)
    with trace.get_tracer("application").start_as_current_span("after"):
        print("done")
"""


def modules() -> list[str]:
    """Every module but those that are broken while an application calls."""
    found = [module.name for module in walk_packages(firsttoken.__path__, "firsttoken.")]
    return ["firsttoken", *(name for name in found if name.removeprefix("firsttoken.") not in WHILE_IT_CALLS)]


def functions(names: list[str]) -> Iterator[str]:
    """Every function of ours that works there: module, colon, name."""
    for name in names:
        module = import_module(name)
        for member, value in vars(module).items():
            if getattr(value, "__module__", None) != name:
                continue
            if isinstance(value, FunctionType) or hasattr(value, "cache_clear"):
                yield f"{name}:{member}"
            elif inspect.isclass(value) and not issubclass(value, BaseException):
                yield from (
                    f"{name}:{member}.{method}"
                    for method, function in vars(value).items()
                    if isinstance(function, (FunctionType, staticmethod, classmethod, property))
                    and not method.startswith(("__new__", "__repr__", "__eq__", "__hash__", "_replace", "_asdict"))
                )


@pytest.mark.parametrize("module", modules())
def test_the_application_does_not_notice(module: str, application: Application, claude_api: LookAlike) -> None:
    script = application.script(SCRIPT)

    def run(function: str) -> Ended:
        process = application.start_plain(script, claude_api.url, function)
        stdout, stderr = process.communicate(timeout=60)
        return Ended(process.returncode, stdout, stderr)

    names = [name for name in functions([module]) if name not in GUARDS]
    with ThreadPoolExecutor(2) as pool:
        ended = dict(zip(names, pool.map(run, names), strict=True))
    expected = (0, "message\n0\nTrue\ndone\n")
    assert {name: each for name, each in ended.items() if (each.status, each.stdout) != expected} == {}
