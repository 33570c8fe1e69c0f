"""What users may import from `firsttoken` is a list, and it stands here."""

from __future__ import annotations

from importlib.metadata import distribution, version

import firsttoken
from firsttoken import store


def test_the_public_names_are_these() -> None:
    assert sorted(firsttoken.__all__) == ["AnthropicInstrumentor", "DuckDBSpanExporter", "__version__"]
    for name in ("AnthropicInstrumentor", "DuckDBSpanExporter"):
        assert getattr(firsttoken, name).__name__ == name


def test_the_public_names_of_the_store_are_these() -> None:
    assert sorted(store.__all__) == [
        "SpanBatch",
        "SpanRecord",
        "Store",
        "StoreBusy",
        "StoreDamaged",
        "StoreError",
        "StoreMissing",
        "StoreOff",
        "StoreUnreadable",
        "open",
    ]


def test_the_version_is_the_distributions() -> None:
    assert firsttoken.__version__ == version("firsttoken")


def test_each_entry_point_can_be_loaded() -> None:
    ours = distribution("firsttoken").entry_points

    assert {(entry.group, entry.name) for entry in ours} == {
        ("console_scripts", "firsttoken"),
        ("opentelemetry_distro", "firsttoken"),
        ("opentelemetry_instrumentor", "firsttoken"),
        ("opentelemetry_post_instrument", "firsttoken"),
        ("opentelemetry_traces_exporter", "duckdb"),
    }
    for entry in ours:
        assert callable(entry.load())
