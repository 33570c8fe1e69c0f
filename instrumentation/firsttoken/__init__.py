"""OpenTelemetry instrumentation for the Anthropic SDK, and a DuckDB store for its spans."""
