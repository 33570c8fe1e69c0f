"""The dashboard as the benchmark serves it: the real one, or its floor.

    python serve.py real RECORDINGS firsttoken-dashboard-arguments…
    python serve.py floor RECORDINGS firsttoken-dashboard-arguments…

`real` is `firsttoken dashboard`; on SIGUSR1 it forgets every answer, and of each page it keeps, in the folder
RECORDINGS, what Streamlit sent to the browser. `floor` sends just that again and computes nothing: the same elements
from literals.
"""

# ruff: noqa: SLF001 - it stands where the server's own parts stand

from __future__ import annotations

import pickle
import signal
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext, get_script_run_ctx

from firsttoken_dashboard import cli
from firsttoken_dashboard.app import frame, reading


def page() -> str:
    """The path of the page that is being drawn."""
    import streamlit as st

    return urlsplit(st.context.url or "").path.strip("/") or "overview"


def record(folder: Path) -> None:
    """Keep what each whole run of a page sends, the last run's in `<page>.pickle`."""
    sent: dict[int, list[bytes]] = {}
    enqueue, draw = ScriptRunContext.enqueue, frame.draw

    def enqueue_and_keep(self: ScriptRunContext, msg: ForwardMsg) -> None:
        enqueue(self, msg)
        if id(self) in sent:
            sent[id(self)].append(msg.SerializeToString())

    def draw_and_keep() -> None:
        context = get_script_run_ctx()
        sent[id(context)] = []
        try:
            draw()
        finally:
            messages = sent.pop(id(context))
            (folder / f"{page()}.pickle").write_bytes(pickle.dumps(messages))

    ScriptRunContext.enqueue = enqueue_and_keep  # type: ignore[method-assign]
    frame.draw = draw_and_keep


def replay(folder: Path) -> None:
    """Send what was kept of this page."""
    context = get_script_run_ctx()
    if context is None:
        raise RuntimeError("not in a run")
    for told in pickle.loads((folder / f"{page()}.pickle").read_bytes()):
        message = ForwardMsg.FromString(told)
        # Nobody would answer.
        if message.WhichOneof("type") != "auto_rerun":
            context._enqueue(message)


def forget(*_: Any) -> None:
    """As a server that has just started; what is made beside the pages (audits, comparisons) stays."""
    with reading._lock:
        reading._answers.clear()


if __name__ == "__main__":
    kind, where, *arguments = sys.argv[1:]
    folder = Path(where)
    signal.signal(signal.SIGUSR1, forget)
    if kind == "real":
        record(folder)
    else:
        frame.draw = lambda: replay(folder)
    sys.exit(cli.main(["dashboard", *arguments]))
