"""The scenarios of the table: each a way to call, an ending or a promise, with the tests that specify it.

A test is meant by a pattern over `file::function[parameters]`, without the `test_` of the file's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """One row of the table."""

    group: str
    title: str
    tests: str

    def means(self, test: str) -> bool:
        """Whether `file::function[parameters]` is one of the tests of this row."""
        return re.search(self.tests, test) is not None


#: The ways to call that every test parametrized with ways runs, by their name in `tests/instrumentation/ways.py`.
_WAYS = {
    "create": "`create`",
    "create_stream_for": "`create(stream=True)`, by `for`",
    "create_stream_next": "`create(stream=True)`, by `next()`",
    "create_stream_with": "`create(stream=True)`, in `with`",
    "stream_events": "`stream()`, by event",
    "stream_text": "`stream()`, `.text_stream`",
    "stream_final_message": "`stream()`, `.get_final_message()`",
    "stream_final_text": "`stream()`, `.get_final_text()`",
    "stream_until_done": "`stream()`, `.until_done()`",
    "raw_create": "`with_raw_response`, parsed",
    "raw_create_unparsed": "`with_raw_response`, not parsed",
    "raw_stream": "`with_raw_response`, streamed",
    "streaming_response_parse": "`with_streaming_response`, parsed",
    "streaming_response_json": "`with_streaming_response`, `.json()`",
    "streaming_response_read": "`with_streaming_response`, `.read()`",
    "streaming_response_text": "`with_streaming_response`, `.text()`",
    "streaming_response_stream": "`with_streaming_response`, streamed",
    "streaming_response_lines": "`with_streaming_response`, `.iter_lines()`",
    "streaming_response_bytes": "`with_streaming_response`, `.iter_bytes()`",
    "beta_create": "`beta` `create`",
    "beta_create_stream": "`beta` `create(stream=True)`",
    "beta_stream": "`beta` `stream()`",
    "parse": "`parse`",
    "tool_runner": "`tool_runner`",
    "tool_runner_stream": "`tool_runner`, streamed",
    "with_options": "`with_options`",
    "copied_client": "`copy`",
    "subclassed_client": "a subclassed client",
    "post": "`client.post`",
}
_BY_TEST = (
    ("Ways to call", "`with_streaming_response`, never read", r"::test_(async_)?streaming_response_never_read"),
    ("Ways to call", "a tool runner that runs a tool", r"^tool_runner::"),
    (
        "Ways to call",
        "`count_tokens` and batches, never as generation",
        r"^other_operations::|::test_counting_tokens_and",
    ),
    ("Ways to call", "`messages` given as a generator", r"::test_messages_given_as_a_generator"),
    ("Ways to call", "explicit `omit`", r"::test_what_the_application_explicitly_leaves_out"),
    ("Ways to call", "thinking, then text", r"thinking"),
    ("Ways to call", "a tool call, streamed", r"::test_a_tool_call_has_a_first_token"),
    ("Ways to call", "a conversation that the API sums up first", r"^compaction::"),
    ("Ways to call", "a client built before `instrument()`", r"::test_a_client_built_before_instrument"),
    ("Ways to call", "calls under way at `uninstrument()`", r"under_way|in_flight"),
    ("Ways to call", "every async way, under trio", r"^trio::"),
    ("Ways to call", "Bedrock", r"^platforms::.*[Bb]edrock(?!mantle)"),
    ("Ways to call", "Vertex", r"^platforms::.*vertex"),
    ("Ways to call", "Foundry", r"^platforms::.*foundry"),
    ("Ways to call", "the platforms that came later", r"^platforms::.*(mantle|aws|googlecloud)"),
    ("Endings", "each error of the API (400 … 529)", r"::test_(refused_by_the_api|each_error_of_the_api|a_model_that)"),
    ("Endings", "529 twice, then an answer", r"::test_(overloaded_twice|first_token_counts_from_the_first_attempt)"),
    ("Endings", "429 until the retries are exhausted", r"::test_rate_limited_until"),
    ("Endings", "timeouts: connect, write, read, pool, in mid-stream, retried", r"timeout"),
    ("Endings", "connections refused, and hung up", r"::test_(a_refused_connection|a_server_that_hangs_up)"),
    ("Endings", "an `error` event in mid-stream", r"::test_an_error_event_in_mid_stream"),
    ("Endings", "a connection cut in mid-stream", r"::test_a_connection_cut_in_mid_stream"),
    (
        "Endings",
        "early `break`, `close()`",
        r"::test_(async_)?(break_|closed_before)|that_is_left|::test_the_span_ends_when",
    ),
    ("Endings", "a stream dropped without `close()`", r"::test_(async_)?dropped|break_and_drop"),
    ("Endings", "generators of the application, closed", r"generator_of_the_application"),
    ("Endings", "a cancelled task, `wait_for`", r"::test_(cancelled|wait_for)"),
    ("Endings", "`KeyboardInterrupt`, `SystemExit` in the loop", r"::test_an_error_of_the_application_inside"),
    ("Endings", "Ctrl-C while it waits", r"::test_ctrl_c"),
    ("Endings", "interpreter exit with a stream open", r"::test_interpreter_exit"),
    ("Clocks", "first token as the server sent it", r"::test_headers_and_first_token|::test_time_to_headers"),
    ("Clocks", "tokens a second at the server's rate", r"^clocks::.*(tokens_per_second|has_no_rate|stall)"),
    ("Clocks", "an application that reads late or slowly", r"late|slow_reader"),
    ("Context", "the caller's span is the parent", r"::test_is_a_child_of_the_callers_span"),
    ("Context", "a span opened inside the loop", r"::test_a_span_that_the_application_opens"),
    ("Context", "nothing left behind after any ending", r"::test_the_context_is"),
    ("Context", "200 concurrent calls, threads, other tasks", r"^context::test_(many_concurrent|threads|a_stream_)"),
    ("Promises", "the line that called", r"^call_site::"),
    ("Promises", "the prompt's hashes, `depends_on`", r"^prompt::"),
    ("Promises", "client, connection, limits, metrics", r"^client::"),
    ("Promises", "one span, whoever traces; switches", r"^switches::"),
    ("Promises", "the application sees the same as without us", r"^no_harm::"),
    ("Promises", "whatever of ours breaks, it notices nothing", r"^chaos::"),
    ("Promises", "no secret leaves", r"^secrets::"),
    ("Promises", "seams that moved: one warning, no harm", r"^unknown_sdk::"),
)

SCENARIOS = (
    *(
        Scenario("Ways to call", title, rf"^(?!no_harm|secrets|chaos|trio).*[\[-]a?sync-{name}(?=[\]-])")
        for name, title in _WAYS.items()
    ),
    *(Scenario(group, title, tests) for group, title, tests in _BY_TEST),
)

_OVER_AIOHTTP = ("0.125.0-py3.11-aiohttp", "2.12.0-py3.13-aiohttp")
_TELLS_NOTHING = """aiohttp tells nothing of its connections, nor of the headers of an answer that comes whole:
`firsttoken.connection.*`, and for such an answer `firsttoken.time_to_headers`, are absent."""
_TIMEOUT = """httpx-aiohttp raises a timeout for a connection that was refused: the application sees
`APITimeoutError`, and the span says `client_timeout_error`."""
#: What holds only in part: a scenario's title, the columns' names, and what is to be known.
NOTES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("529 twice, then an answer", _OVER_AIOHTTP, _TELLS_NOTHING),
    ("connections refused, and hung up", ("0.125.0-py3.11-aiohttp",), _TIMEOUT),
    (
        "`count_tokens` and batches, never as generation",
        ("0.40.0-py3.11", "0.40.0-py3.10"),
        "In `beta` only, as this version has them.",
    ),
)
