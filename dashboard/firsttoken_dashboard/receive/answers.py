"""The bodies of OTLP's answers, in the encoding of the request."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from collections import Counter

    from google.protobuf.message import Message


class Encoding(Enum):
    """How a request's body is written. The values are exact: with a charset behind them a collector reads no answer."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


def accepted(refused: Counter[str]) -> ExportTraceServiceResponse:
    """Say that all spans are durable but those refused, which the client must not send again."""
    if not refused:
        return ExportTraceServiceResponse()
    reasons = "; ".join(f"{count} spans: {reason}" for reason, count in sorted(refused.items()))
    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=sum(refused.values()), error_message=reasons)
    )


def written(message: Message, encoding: Encoding) -> bytes:
    """Write a message in the encoding of the request."""
    if encoding is Encoding.JSON:
        return json.dumps(MessageToDict(message)).encode()
    return message.SerializeToString()
