"""One span as the store keeps it."""

from __future__ import annotations

from typing import NamedTuple


class SpanRecord(NamedTuple):
    """The columns of the table `spans`, in its order. Times are nanoseconds since the epoch, UTC.

    Ids are lowercase hex (32 and 16 digits). `kind` is INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER or UNSPECIFIED,
    `status_code` UNSET, OK or ERROR. `resource` and `attributes` are the text of a JSON object, `events` and `links`
    of a JSON array; an event is `{"name", "time" (nanoseconds), "attributes"}`, a link `{"trace_id", "span_id"}`.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    start_time: int
    end_time: int
    status_code: str
    status_message: str | None
    scope_name: str | None
    scope_version: str | None
    service_name: str | None
    resource: str
    attributes: str
    events: str
    links: str
