"""Spans from outside: OTLP over HTTP and gRPC, and what turns OTLP in either encoding into rows of the store."""
