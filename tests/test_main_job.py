"""The main job, end to end: a script that has never heard of firsttoken, the real SDK, real HTTP, the real store."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from firsttoken import store
from firsttoken_dashboard.demo.api import Behaviour, LookAlike

#: Seconds for which one process reads while another writes.
READ_FOR_S = float(os.environ.get("FIRSTTOKEN_READ_FOR_S", "8"))

WAYS = """\
import asyncio, sys, anthropic
client = anthropic.Anthropic(base_url=sys.argv[1], api_key="key")
ask = dict(model="claude-haiku-4-5", max_tokens=300, messages=[{"role": "user", "content": "Tell me of the sea."}])
for _ in range(3):
    client.messages.create(**ask)
for _ in range(3):
    for event in client.messages.create(stream=True, **ask): pass
for _ in range(3):
    with client.messages.stream(**ask) as stream: "".join(stream.text_stream)
async def main():
    client = anthropic.AsyncAnthropic(base_url=sys.argv[1], api_key="key")
    for _ in range(3):
        async for event in await client.messages.create(stream=True, **ask): pass
asyncio.run(main())
"""

WITHOUT_END = """\
import sys, time, anthropic
client = anthropic.Anthropic(base_url=sys.argv[1], api_key="key")
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    client.messages.create(model="claude-haiku-4-5", max_tokens=8, messages=[{"role": "user", "content": "Say yes."}])
"""


def _command(script: Path, *arguments: str) -> list[str]:
    instrument = Path(sys.executable).parent / "opentelemetry-instrument"
    return [str(instrument), sys.executable, str(script), *arguments]


def _environment(file: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "FIRSTTOKEN_"))}
    return {**kept, "FIRSTTOKEN_STORE": str(file)}


def test_each_call_of_a_plain_script_is_one_row_with_its_line_and_its_true_first_token(
    claude_api: LookAlike, tmp_path: Path
) -> None:
    claude_api.default = Behaviour(ttft_s=0.15, tokens_per_second=400.0, output_tokens=60)
    script = tmp_path / "app.py"
    script.write_text(WAYS)
    file = tmp_path / "store.duckdb"
    ran = subprocess.run(
        _command(script, claude_api.url),
        env=_environment(file),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    records = claude_api.settle()
    with store.open(file).read() as con:
        calls = con.execute("""
            SELECT request_id, code_line, stream, ttft_s, output_tokens, code_file FROM calls ORDER BY start_time
        """).fetchall()
    assert [call[0] for call in calls] == [record.request_id for record in records]
    assert [call[1] for call in calls] == [5, 5, 5, 7, 7, 7, 9, 9, 9, 13, 13, 13]
    assert {call[5] for call in calls} == {str(script)}
    assert [call[4] for call in calls] == [record.output_tokens for record in records]
    assert [call[3] is None for call in calls] == [True] * 3 + [False] * 9
    late = [
        call[3] - (record.first_delta_at - record.first_byte_at)
        for call, record in zip(calls, records, strict=True)
        if call[3] is not None and record.first_delta_at is not None
    ]
    for way in (late[0:3], late[3:6], late[6:9]):
        # The first of three may open a connection or import something: the middle one tells.
        assert 0 <= statistics.median(way) < 0.005, late


def test_one_process_reads_all_the_time_while_another_writes(claude_api: LookAlike, tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text(WITHOUT_END)
    file = tmp_path / "store.duckdb"
    writer = subprocess.Popen(
        _command(script, claude_api.url, str(READ_FOR_S)),
        env=_environment(file),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seen: list[int] = []
    while writer.poll() is None:
        if not file.exists():
            time.sleep(0.05)
            continue
        with store.open(file).read() as con:
            row = con.execute("SELECT count(*) FROM calls").fetchone()
        assert row is not None
        seen.append(row[0])
    output, _ = writer.communicate()
    assert (writer.returncode, output) == (0, "")
    with store.open(file).read() as con:
        stored = {row[0] for row in con.execute("SELECT request_id FROM calls").fetchall()}
    assert stored == {record.request_id for record in claude_api.settle()}
    assert len(seen) > 10
    assert seen == sorted(seen)
