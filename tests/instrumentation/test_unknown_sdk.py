"""An SDK whose seams have moved: one warning, the application runs as without us, and nothing wrong is recorded."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.request import request

PROGRAM = """
    import logging
    import anthropic
    from anthropic import _base_client as base, _streaming as streaming
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from firsttoken import AnthropicInstrumentor

    # A version to come: what we wrap has other names.
    for owner, names in {moved}.items():
        for kind in (owner if isinstance(owner, tuple) else (owner,)):
            for name in names:
                if name in vars(kind):
                    function = vars(kind)[name]
                    delattr(kind, name)
                    def find(self, wanted, function=function, name=name):
                        if wanted == name:
                            return function.__get__(self)
                        raise AttributeError(wanted)
                    kind.__getattr__ = find

    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    AnthropicInstrumentor().instrument()
    client = anthropic.Anthropic(base_url={url!r}, api_key="test")
    asked = {asked!r}
    print(client.messages.create(**asked).content[0].text)
    with client.messages.stream(**asked) as stream:
        print(stream.get_final_text())
    print(sum(span.instrumentation_scope.name == "firsttoken" for span in memory.get_finished_spans()), "of ours")
"""


@pytest.mark.parametrize(
    "moved",
    [
        "{(base.SyncAPIClient, base.AsyncAPIClient): ['request']}",
        "{(base.SyncAPIClient, base.AsyncAPIClient): ['_process_response']}",
        "{base.BaseClient: ['_build_request']}",
    ],
)
def test_a_seam_that_moved_costs_one_warning_and_no_harm(moved: str, claude_api: LookAlike) -> None:
    asked = request(text="All is well with the sea and all of its ships today.")
    program = textwrap.dedent(PROGRAM).replace("{moved}", moved).replace("{url!r}", repr(claude_api.url))
    program = program.replace("{asked!r}", repr(asked))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    first, second, _ = done.stdout.splitlines()
    assert first == second == "All is well with the sea and all of its ships today."
    assert done.stderr.count("firsttoken does not know this version of anthropic") == 1
    assert "Traceback" not in done.stderr
