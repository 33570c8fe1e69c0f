"""Audits by hand for the reports' tests: one with everything in it, one of a hostile application."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from firsttoken_dashboard.advisor.findings import (
    Audit,
    Checked,
    Finding,
    Fix,
    Part,
    Quiet,
    Range,
    Saving,
    Site,
    SlowFirstToken,
)

ROOT = Path("/srv/shop")
CHAT = Site("shop", "/srv/shop/app/chat.py", 31, "answer")

STREAM = Finding(
    rule="stream-responses",
    title="A reader waits 8.4 s for an answer that could start after 0.9 s",
    site=CHAT,
    model="claude-opus-5",
    evidence={
        "n": 1234,
        "window": {"from": "2026-11-20T09:00:00Z", "to": "2026-11-20T09:51:17Z"},
        "traces": ["00010000000000000000000000000043"],
        "duration_p50_s": 8.37,
        "output_tokens_p50": 600.0,
        "used_share": 0.25,
        "spent_usd": 12.5,
    },
    saving=Saving("modelled", latency_s=Range(7.33, 7.47, 7.69), latency_p95_s=Range(7.9, 8.06, 8.14)),
    confidence="medium",
    caveats="None if the answer is parsed as a whole.",
    fix=Fix(
        before='message = client.messages.create(model="claude-opus-5", messages=...)\nshow(message)',
        after='with client.messages.stream(model="claude-opus-5", messages=...) as stream:\n'
        "    for text in stream.text_stream:\n        show(text)",
        why="The model writes for seconds while the reader sees nothing.",
        docs="https://platform.claude.com/docs/en/build-with-claude/streaming",
    ),
    verify="gen_ai.request.stream is true at this site.",
)

CACHE = replace(
    STREAM,
    rule="enable-prompt-caching",
    title="The same 9,000 tokens are read anew by every call",
    site=Site("shop", None, None, None, "POST /ask", "5ad1f00dbeef"),
    saving=Saving(
        "replayed",
        latency_s=Range(0.4, 0.5, 0.62),
        usd_per_month=Range(900, 1240.4, 1400),
        usd_per_1000_calls=Range(20, 27.5, 31),
        at_this_rate=True,
    ),
    confidence="high",
    risk="medium",
)

HINT = replace(STREAM, kind="hint", title="Answers take 44 s in one piece", evidence={**STREAM.evidence, "n": 7})

FULL = Audit(
    findings=[CACHE, STREAM],
    hints=[HINT],
    slow_first_token=[
        SlowFirstToken(
            CHAT,
            "claude-opus-5",
            40,
            2.1,
            4.9,
            [
                Part("uncached input", 3.2, "enable-prompt-caching"),
                Part("retries", 0.0, None),
                Part("headers", 0.8, None),
            ],
            "3.2 of 4.0 s are uncached input: see enable-prompt-caching",
        )
    ],
    checked=[
        Checked("stream-responses", "Stream the answer", "found"),
        Checked("enable-prompt-caching", "Cache the prompt", "found", "only 12 of 1,274 calls carry a.b"),
        Checked("trim-output", "Ask for less", "good"),
        Checked("reuse-client", "Make the client once", "not judged", "no call carries firsttoken.client.id"),
    ],
    n_calls=1274,
    since=datetime.fromisoformat("2026-11-20T09:00:00"),
    until=datetime.fromisoformat("2026-11-20T09:51:17"),
    simulated=True,
    sampled=False,
    source_root=ROOT,
    quiet=[Quiet("museum", 40)],
    total=Saving(
        "modelled", usd_per_month=Range(900, 1240.4, 1400), usd_per_1000_calls=Range(18, 26, 30), at_this_rate=True
    ),
)

HEALTHY = replace(
    FULL,
    findings=[],
    hints=[],
    slow_first_token=[],
    total=None,
    simulated=False,
    checked=[Checked("stream-responses", "Stream the answer", "good")],
)

#: What a span may carry: escapes that clear the screen, change direction, break out of Markdown, HTML and tables.
EVIL = (
    'x\x1b[2J\x07\x9b31m\u202e\r\n# head\n|cell|<script>alert("1")</script>`code`"\'[link](http://evil)'
    + "y" * 1_000_000
)
HOSTILE = replace(
    FULL,
    findings=[
        replace(
            STREAM,
            title=EVIL,
            model=EVIL,
            site=Site(EVIL, f"/srv/shop/{EVIL}", 3, EVIL),
            evidence={**STREAM.evidence, "n": 3, "label": EVIL, "list": [EVIL, 1]},
            fix=replace(STREAM.fix, before=f"create(model={EVIL!r})", after=f"# {EVIL}"),
        )
    ],
    hints=[replace(HINT, title=EVIL, caveats=EVIL)],
    slow_first_token=[SlowFirstToken(Site(EVIL, None, None, None, EVIL, EVIL), EVIL, 3, 1.0, 4.0, [], EVIL)],
)
