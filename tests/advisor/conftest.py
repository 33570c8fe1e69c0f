"""What every rule's tests share: record traffic, ask rules about it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from firsttoken_dashboard.advisor.audit import audit
from firsttoken_dashboard.advisor.findings import Audit
from firsttoken_dashboard.analysis import Window
from tests.advisor.traffic import ROOT, Traffic


class Ask(Protocol):
    def __call__(self, traffic: Traffic, *rules: str, root: Path = ROOT) -> Audit: ...


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Store the traffic and ask these rules (all, if none is named) about it."""

    def asked(traffic: Traffic, *rules: str, root: Path = ROOT) -> Audit:
        return audit(traffic.store(tmp_path), Window(), source_root=root, only=rules or None)

    return asked
