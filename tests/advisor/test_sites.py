from __future__ import annotations

import json
from pathlib import Path

import pytest

from firsttoken_dashboard.advisor.findings import Finding, Fix, Saving, Site
from firsttoken_dashboard.advisor.sites import Declared, SettingsError, declared, source_root
from tests.advisor.conftest import Ask
from tests.advisor.traffic import CHAT, ROOT, Line, Traffic


def finding_at(site: Site, rule: str = "stream-responses") -> Finding:
    return Finding(
        rule=rule,
        title="",
        site=site,
        model="claude-opus-5",
        evidence={},
        saving=Saving("measured"),
        confidence="high",
        caveats="",
        fix=Fix("", "", "", ""),
        verify="",
    )


def test_a_call_without_a_line_has_that_of_the_nearest_span_above_it_that_knows_one(ask: Ask):
    """A framework's span stands between the application's own (which has code.*) and the call."""
    traffic = Traffic()
    for _ in range(30):
        with traffic.request("POST /answer"):
            traffic.call(None, output_tokens=600)
        call, server = traffic.spans[-2], traffic.spans[-1]
        own = server._replace(
            span_id="aa" + server.span_id[2:],
            parent_span_id=server.span_id,
            kind="INTERNAL",
            attributes=json.dumps(
                {"code.file.path": "/srv/shop/app/own.py", "code.line.number": 77, "code.function.name": "own"}
            ),
        )
        between = own._replace(span_id="bb" + server.span_id[2:], parent_span_id=own.span_id, attributes="{}")
        traffic.spans += [own, between]
        traffic.spans[-4] = call._replace(parent_span_id=between.span_id)

    [finding] = ask(traffic, "stream-responses").findings

    assert finding.site.label(ROOT) == "app/own.py:77 in own"


def test_spans_that_are_each_others_parents_do_not_hang_the_audit(ask: Ask):
    traffic = Traffic()
    for _ in range(30):
        with traffic.request():
            traffic.call(None, output_tokens=600)
        call, server = traffic.spans[-2], traffic.spans[-1]
        traffic.spans[-1] = server._replace(parent_span_id=server.span_id)
        assert call.parent_span_id == server.span_id

    assert ask(traffic, "stream-responses").n_calls == 30


def test_two_services_at_one_line_are_two_sites(ask: Ask):
    traffic = Traffic()
    for number in range(60):
        traffic.service = f"shop-{number % 2}"
        with traffic.request():
            traffic.call(CHAT, output_tokens=600)

    assert {one.site.service for one in ask(traffic, "stream-responses").findings} == {"shop-0", "shop-1"}


def test_two_calls_in_one_function_are_two_findings_with_ids_of_their_own(ask: Ask):
    traffic = Traffic()
    for number in range(60):
        with traffic.request():
            traffic.call(Line(CHAT.file, 31 + number % 2, CHAT.function), output_tokens=600)

    found = ask(traffic, "stream-responses").findings

    assert sorted(one.site.line or 0 for one in found) == [31, 32]
    assert len({one.id for one in found}) == 2


def test_paths_are_shown_below_the_source_root_and_whole_outside_of_it():
    site = Site("shop", "/srv/shop/app/chat.py", 31, "answer")

    assert site.label(Path("/srv/shop")) == "app/chat.py:31 in answer"
    assert site.label(Path("/home/me")) == "/srv/shop/app/chat.py:31 in answer"
    assert site.label(None) == "/srv/shop/app/chat.py:31 in answer"


def test_a_finding_keeps_its_identity_when_lines_above_it_move():
    here = finding_at(Site("shop", "/srv/shop/app/chat.py", 31, "answer"))
    moved = finding_at(Site("shop", "/srv/shop/app/chat.py", 57, "answer"))
    other = finding_at(Site("shop", "/srv/shop/app/chat.py", 31, "refuse"))

    assert here.id == moved.id
    assert here.id != other.id
    assert here.id != finding_at(here.site, "reuse-client").id


def test_the_source_root_is_the_repository_around(tmp_path: Path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "app").mkdir()

    assert source_root(tmp_path / "app") == tmp_path.resolve()


def test_patterns_name_a_file_or_a_function_and_a_job_wins():
    said = Declared(interactive=["app/*", "jobs/live.py:serve"], jobs=["app/nightly.py"])

    assert said.of(Site("shop", "/srv/shop/app/chat.py", 1, "f"), ROOT) is True
    assert said.of(Site("shop", "/srv/shop/app/nightly.py", 1, "f"), ROOT) is False
    assert said.of(Site("shop", "/srv/shop/jobs/live.py", 1, "serve"), ROOT) is True
    assert said.of(Site("shop", "/srv/shop/jobs/live.py", 1, "other"), ROOT) is None
    assert said.of(Site("shop"), ROOT) is None


@pytest.mark.parametrize("text", ["sites = 3", "[sites]\ninteractive = 'app'", "[sites", "[sites]\njobs = [1]"])
def test_a_settings_file_that_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path, text: str):
    (tmp_path / "firsttoken.toml").write_text(text)

    with pytest.raises(SettingsError, match=r"firsttoken\.toml"):
        declared(tmp_path)
