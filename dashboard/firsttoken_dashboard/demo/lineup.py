"""The sample applications, in the order in which they are started: those that take longest first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firsttoken_dashboard.demo.api import Behaviour

APPS: Final = Path(__file__).parent / "apps"
#: As the models are, in good health.
PLAIN: Final = Behaviour()


@dataclass(frozen=True, slots=True)
class App:
    """One application: its module in `apps`, the fault that it has, and how the API treats it."""

    name: str
    rule: str | None
    """The rule that must find the fault; None for the healthy one."""
    fault: str | None
    """The beginning of the line where it is."""
    api: Behaviour = PLAIN

    @property
    def api_key(self) -> str:
        """What tells the look-alike who asks."""
        return f"sk-ant-simulated-{self.name}"


LINEUP: Final = (
    App("contract_search", "enable-prompt-caching", "with client.messages.stream("),
    App("support_chat", "stream-responses", "message = client.messages.create("),
    App("market_reports", "raise-timeout", "message = client.messages.create("),
    App("meeting_notes", "trim-output", "message = client.messages.create("),
    App("trip_planner", "run-in-parallel", "message = client.messages.create("),
    App(
        "product_search",
        "handle-overload",
        "message = client.messages.create(",
        Behaviour(model="claude-haiku-5-5", status=529, share=0.45, error_delay_s=0.05),
    ),
    App("ticket_triage", "use-smaller-model", "message = client.messages.create("),
    App("address_check", "reuse-client", "message = client.messages.create("),
    App("museum_guide", None, None),
)


def sources(*, fixed: bool = False) -> list[Path]:
    """The applications' files, and the one that they share; `fixed`: without their faults."""
    faulty = [APPS / f"{app.name}.py" for app in LINEUP]
    mended = [APPS / "fixed" / path.name for path in faulty]
    chosen = [good if fixed and good.exists() else bad for bad, good in zip(faulty, mended, strict=True)]
    return [APPS / "traffic.py", *chosen]
