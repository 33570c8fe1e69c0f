"""The application holds its own stream up: the model could write faster than it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Saving
from firsttoken_dashboard.advisor.rules import CannotJudge, Context, Rule, ask, evidence

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="slow-consumer",
    title="Read streams as fast as they come",
    docs="https://platform.claude.com/docs/en/build-with-claude/streaming",
)

#: Share of a site's streams that must be held up before the code is the reason.
SLOW_SHARE: Final = 0.5


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites of whose streams at least half are held up by the application for over 30 % of their time."""
    (streams, told), *_ = con.execute(
        "SELECT COUNT(*) FILTER (stream), COUNT(consumer_s) FILTER (stream) FROM audited"
    ).fetchall()
    if streams and not told:
        reason = "no stream carries firsttoken.consumer.duration"
        raise CannotJudge(reason)
    found: list[Finding] = []
    for site_id, model, n, slow, consumer, streaming, max_tokens, traces in ask(con, "slow_consumer", context):
        if slow < SLOW_SHARE * n:
            continue
        found.append(
            Finding(
                rule=RULE.id,
                title=f"The application holds {slow:,} of {n:,} streams up for {consumer:.1f} s, of {streaming:.1f} s",
                site=context.sites[site_id],
                model=model,
                evidence=evidence(
                    context,
                    n=n,
                    traces=traces,
                    streams_held_up=slow,
                    consumer_p50_s=consumer,
                    streaming_p50_s=streaming,
                ),
                saving=Saving("measured"),
                confidence="high",
                caveats="Measured between two reads of the stream. A reader that is slow on purpose, such as a voice "
                "that speaks the text, is right as it is.",
                fix=Fix(
                    before=f"with {source.stream(model, max_tokens)} as stream:\n"
                    "    for text in stream.text_stream:\n"
                    "        work_on(text)  # the next piece waits meanwhile",
                    after="pieces = queue.Queue()\n"
                    "threading.Thread(target=work_on_all, args=(pieces,)).start()\n"
                    f"with {source.stream(model, max_tokens)} as stream:\n"
                    "    for text in stream.text_stream:\n"
                    "        pieces.put(text)\n"
                    "pieces.put(None)",
                    why="Work that is done between two pieces of a stream is added to its time; done beside it, it "
                    "costs none. The model is not the slow one here.",
                    docs=RULE.docs,
                ),
                verify="firsttoken.consumer.duration falls, and the duration with it.",
                effort="medium",
                kind="finding" if n >= MINIMUM_CALLS else "hint",
            )
        )
    return found
