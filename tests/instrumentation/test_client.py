"""Which client, which connection, which limits: what tells a client per request from one that is kept."""

from __future__ import annotations

import anthropic

from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import CallSpan, Recording
from tests.instrumentation.request import request
from tests.instrumentation.ways import named


def test_a_kept_client_counts_its_calls_and_keeps_its_connection(claude_api: LookAlike, recorded: Recording) -> None:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test") as client:
        for _ in range(3):
            client.messages.create(**request())
    calls = [CallSpan(span) for span in recorded.calls]
    assert len({call[a.CLIENT_ID] for call in calls}) == 1
    assert [call[a.CLIENT_CALLS] for call in calls] == [1, 2, 3]
    assert [call[a.CONNECTION_NEW] for call in calls] == [record.place == 1 for record in claude_api.settle()]
    assert [call[a.CONNECTION_NEW] for call in calls] == [True, False, False]
    assert calls[0][a.CONNECTION_DURATION] > 0
    assert calls[1].get(a.CONNECTION_DURATION) is None


def test_a_new_client_for_every_call_has_a_new_id_and_what_making_it_took(
    claude_api: LookAlike, recorded: Recording
) -> None:
    for _ in range(3):
        named("create").run(named("create").client(claude_api.url), request())
    calls = [CallSpan(span) for span in recorded.calls]
    assert len({call[a.CLIENT_ID] for call in calls}) == 3
    assert {call[a.CLIENT_CALLS] for call in calls} == {1}
    assert all(call[a.CONNECTION_NEW] and call[a.CLIENT_CONSTRUCTION_DURATION] > 0 for call in calls)


def test_with_options_is_the_same_client_with_other_limits(claude_api: LookAlike, recorded: Recording) -> None:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test", max_retries=4) as client:
        client.messages.create(**request())
        client.with_options(timeout=7.5, max_retries=1).messages.create(**request())
        client.messages.create(**request(), timeout=9)
    plain, other, once = (CallSpan(span) for span in recorded.calls)
    assert plain[a.CLIENT_ID] == other[a.CLIENT_ID] == once[a.CLIENT_ID]
    assert (plain[a.REQUEST_MAX_RETRIES], other[a.REQUEST_MAX_RETRIES], once[a.REQUEST_MAX_RETRIES]) == (4, 1, 4)
    assert (plain[a.REQUEST_TIMEOUT], other[a.REQUEST_TIMEOUT], once[a.REQUEST_TIMEOUT]) == (600, 7.5, 9)


def test_rate_limits_are_read_from_the_headers(claude_api: LookAlike, recorded: Recording) -> None:
    from firsttoken_dashboard.demo.api import Limits

    claude_api.limit("limited", Limits())
    way = named("create")
    way.run(way.client(claude_api.url, api_key="limited"), request())
    call = recorded.call()
    sent = {name: value for name, value in call.attributes.items() if name.startswith(a.RATELIMIT_PREFIX)}
    assert sent
    assert all(isinstance(value, float if name.endswith("reset") else int) for name, value in sent.items())
