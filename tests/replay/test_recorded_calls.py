"""Calls of the real SDK to the look-alike API over HTTP, recorded, read from the store and run again."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from firsttoken import AnthropicInstrumentor, DuckDBSpanExporter, store
from firsttoken_dashboard import analysis, pricing
from firsttoken_dashboard.advisor.estimate import Rates
from firsttoken_dashboard.advisor.fit import fit_latency
from firsttoken_dashboard.advisor.recorded import Recording, recording
from firsttoken_dashboard.advisor.replay import as_sent
from firsttoken_dashboard.advisor.rules import Context
from firsttoken_dashboard.advisor.sites import declared, locate
from firsttoken_dashboard.demo.api import Behaviour, LookAlike
from firsttoken_dashboard.demo.api.__main__ import overlay

MODEL = "claude-opus-5"
#: Five minutes are 3 seconds.
FASTER = 100.0
CONTROL = {"type": "ephemeral"}
SDK_TRACES = "open_telemetry" in inspect.signature(anthropic.Anthropic).parameters


@pytest.fixture
def api() -> Iterator[LookAlike]:
    with LookAlike(seed=1, time_scale=FASTER, default=Behaviour(ttft_s=0.01, output_tokens=20)) as look_alike:
        yield look_alike


@pytest.fixture
def client(api: LookAlike, tmp_path: Path) -> Iterator[anthropic.Anthropic]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(DuckDBSpanExporter(str(tmp_path / "calls.duckdb"))))
    instrumentor = AnthropicInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        # The SDK's own spans, where it has them, go to the provider that the client was given.
        traced: dict[str, Any] = {"open_telemetry": {"tracer_provider": provider}} if SDK_TRACES else {}
        with anthropic.Anthropic(base_url=api.url, api_key="k", max_retries=0, **traced) as made:
            yield made
    finally:
        instrumentor.uninstrument()
        provider.shutdown()


def text(name: str, words: int, *, marked: bool = False) -> dict[str, Any]:
    block = {"type": "text", "text": f"{name} " * words}
    return block | {"cache_control": CONTROL} if marked else block


def recorded(folder: Path) -> tuple[Recording, Context]:
    (folder / "models.toml").write_text(overlay(FASTER))
    prices = pricing.load(folder / "models.toml")
    window = analysis.Window()
    with store.open(folder / "calls.duckdb").read() as con:
        sites = locate(con, window, root=folder, said=declared(folder))
        analysis.rows(con, "audited", window, package="firsttoken_dashboard.advisor", most=1000)
        context = Context(window, Rates(None, None), sites, prices, fit_latency(con, prices))
        (site_id,) = sites
        found = recording(con, context, site_id, MODEL)
    assert found is not None
    return found, context


def test_hits_writes_and_dollars_of_a_replay_are_those_of_the_api_to_the_token(
    client: anthropic.Anthropic, api: LookAlike, tmp_path: Path
) -> None:
    """Questions on a document, a growing conversation, a pause longer than five minutes, a prompt that varies."""

    def ask(system: list[dict[str, Any]], messages: list[dict[str, Any]]) -> None:
        client.messages.create(model=MODEL, max_tokens=50, system=system, messages=messages)  # pyright: ignore[reportArgumentType]

    guide = [text("guide", 2_000, marked=True)]
    for number in range(4):
        ask(guide, [{"role": "user", "content": f"question {number}"}])
    history: list[dict[str, Any]] = []
    for turn in range(4):
        history.append({"role": "user", "content": [text(f"turn{turn}", 900, marked=True)]})
        ask([text("guide", 2_000)], history)
        history[-1]["content"][0].pop("cache_control")
        history.append({"role": "assistant", "content": f"answer {turn}"})
    time.sleep(300 / FASTER + 0.3)
    for number in range(3):
        ask([text(f"now{number}", 3), *guide], [{"role": "user", "content": "why"}])
        ask(guide, [{"role": "user", "content": "why"}])
    found, context = recorded(tmp_path)
    counted = [
        (record.usage["cache_read_input_tokens"], record.usage["cache_creation_input_tokens"])
        for record in api.settle()
    ]
    again = found.under(as_sent, context)
    assert [(use.read, use.write_5m + use.write_1h) for use in again] == counted
    assert again == found.as_it_was()
    assert any(read for read, _ in counted)
    assert found.input_usd(again) == found.input_usd(found.as_it_was())
