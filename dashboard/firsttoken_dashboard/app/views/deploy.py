"""What changed since the last deploy: the calls of a service's new version against those before it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import streamlit as st

from firsttoken_dashboard.analysis import Window
from firsttoken_dashboard.analysis import overview as questions
from firsttoken_dashboard.app import components, figures, later, links
from firsttoken_dashboard.app.components import Column, Row, Table
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.reading import Reader
from firsttoken_dashboard.app.views import changes, words
from firsttoken_dashboard.compare import Side, compare

#: As long before the deploy as there is after it, but at least this.
_BEFORE_DEPLOY: Final = timedelta(hours=1)
#: A comparison of a busy store is kept so long while calls arrive.
_KEPT_S: Final = 30.0
_CHANGES: Final = 8


def since(reader: Reader, chosen: Chosen) -> None:
    """Draw it, where a service's version changed within the window or the one before."""
    start = chosen.window.since if chosen.before is None else chosen.before.since
    deploy = reader.ask(questions.last_deploy, Window(since=start, service=chosen.window.service))
    if deploy is None:
        return
    last = reader.ask(questions.extent).last_start or deploy.since
    before = deploy.since - max(last - deploy.since, _BEFORE_DEPLOY)
    store, service = reader.store, deploy.service
    old = Side(deploy.before, store, Window(before, deploy.since, service))
    new = Side(deploy.version, store, Window(deploy.since, None, service), deploy.version)
    standing = later.answer(
        reader, ("deploy", deploy.service, deploy.version, deploy.since), lambda: compare(old, new), kept_s=_KEPT_S
    )
    st.subheader("Since the last deploy", anchor=False)
    found = standing.answer
    if found is None:
        words.waiting(standing, "Comparing with the calls before it")
        return
    st.text(
        f"{deploy.service or 'The service'} went from {deploy.before} to {deploy.version} at "
        f"{figures.moment(deploy.since)} UTC: "
        f"{figures.count(found.n_b)} calls since, {figures.count(found.n_a)} before."
    )
    changed = [(one, change) for one in found.sites for change in one.changes if change.verdict in changes.TONES]
    components.table(
        Table(
            caption="What changed since the last deploy",
            columns=[
                Column("site", "Site"),
                Column("measure", "What"),
                Column("change", "Before → since", "With an interval of 98 %", end=True),
            ],
            rows=[
                Row(None, [changes.site(one.site), change.measure, changes.change(change)])
                for one, change in changed[:_CHANGES]
            ],
            empty="No difference seen that is more than luck.",
        ),
        key="deploy",
    )
    links.link("Compare", "Compare in full", chosen, icon=":material/compare_arrows:")
