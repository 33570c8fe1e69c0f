from __future__ import annotations

from tests.advisor.conftest import Ask
from tests.advisor.traffic import Line, Traffic

RULE = "reuse-client"
ASK = Line("/srv/shop/app/ask.py", 8, "Assistant.ask")


def fresh(calls: int, *, traffic: Traffic | None = None, calls_each: int = 1, connection: float = 0.02) -> Traffic:
    """A new client for every `calls_each` calls; making one takes 30 ms."""
    recorded = Traffic() if traffic is None else traffic
    for number in range(calls):
        first = number % calls_each == 0
        recorded.call(
            ASK,
            output_tokens=40,
            client=(f"{recorded.process}-{number // calls_each}", number % calls_each + 1),
            construction=0.03 * recorded.luck.gauss(1, 0.1),
            connection=connection if first else None,
        )
        recorded.idle(2)
    return recorded


def test_a_new_client_for_every_call_is_found_with_what_it_cost(ask: Ask):
    [finding] = ask(fresh(40), RULE).findings

    assert finding.site.line == 8
    assert finding.evidence["clients"] == 40
    saved = finding.saving.latency_s
    assert finding.saving.method == "measured"
    assert saved is not None
    assert saved.low <= 0.05 * 39 / 40 <= saved.high
    assert saved.high - saved.low < 0.5 * saved.expected


def test_the_change_defines_the_function_by_its_own_name(ask: Ask):
    [finding] = ask(fresh(40), RULE).findings

    assert "def ask(...):\n    client = Anthropic()" in finding.fix.before
    assert finding.fix.after.startswith("client = Anthropic()")


def test_a_new_client_per_call_in_each_of_several_workers_is_found_once(ask: Ask):
    traffic = Traffic()
    for process in (100, 101, 102):
        traffic.process = process
        fresh(15, traffic=traffic)

    [finding] = ask(traffic, RULE).findings

    assert finding.evidence["processes"] == 3
    assert finding.evidence["first_calls_of_a_client"] == 42


def test_silent_for_many_processes_with_one_client_each(ask: Ask):
    """Workers, forks and functions in the cloud: a process needs its client."""
    traffic = Traffic()
    for process in range(100, 140):
        traffic.process = process
        traffic.call(ASK, client=(f"of-{process}", 1), construction=0.03, connection=0.02)

    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints


def test_silent_for_one_client_that_is_shared(ask: Ask):
    found = ask(fresh(60, calls_each=60), RULE)

    assert not found.findings
    assert not found.hints


def test_silent_for_one_client_per_event_loop_or_customer(ask: Ask):
    """Five clients that each serve many calls."""
    traffic = Traffic()
    for number in range(100):
        traffic.call(ASK, client=(f"customer-{number % 5}", number // 5 + 1), construction=0.03)

    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints


def test_clients_that_serve_three_calls_each_are_a_hint(ask: Ask):
    found = ask(fresh(90, calls_each=3), RULE)

    assert not found.findings
    assert len(found.hints) == 1


def test_a_connection_dropped_while_idle_is_found_with_an_expiry_that_outlasts_the_gap(ask: Ask):
    """One client, a call every 40 s, the SDK's keep-alive of 5 s: every call connects again."""
    traffic = Traffic()
    for number in range(40):
        traffic.call(ASK, output_tokens=40, client=("one", number + 1), construction=0.03, connection=0.08)
        traffic.idle(40)

    [finding] = ask(traffic, RULE).findings

    assert "keepalive_expiry=60" in finding.fix.after
    saved = finding.saving.latency_s
    assert saved is not None
    assert 0.07 < saved.expected < 0.09


def test_silent_for_connections_opened_by_calls_at_the_same_time(ask: Ask):
    """A burst needs a connection for each of its calls; none of them was dropped."""
    traffic = Traffic()
    for number in range(40):
        traffic.call(ASK, client=("one", number + 1), construction=0.03, connection=0.08, advance=False)

    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints


def test_sampled_traces_do_not_tell_how_long_a_connection_was_idle(ask: Ask):
    traffic = Traffic()
    for number in range(40):
        traffic.call(ASK, client=("one", number + 1), construction=0.03, connection=0.08, sampling__probability=0.1)
        traffic.idle(40)

    found = ask(traffic, RULE)

    assert found.sampled
    assert not found.findings
    assert not found.hints


def test_says_which_attribute_is_missing(ask: Ask):
    """Another instrumentation's spans have no client."""
    traffic = Traffic()
    for _ in range(30):
        traffic.call(ASK, client=None)

    [checked] = ask(traffic, RULE).checked

    assert checked.outcome == "not judged"
    assert "firsttoken.client.id" in checked.note
