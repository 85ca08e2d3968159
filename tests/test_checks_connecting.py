"""Why callers are pinned, cut off or kept waiting: each sentence, and where it may not be said."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.checks.connecting import causes
from seatrial.model import Standing, Verdict
from seatrial.testing.connecting import Connecting

WAY, ONE = "first", "ledger-one"
PICKS = (
    "way `first` has the policy pick_first: a channel takes the first address that answers and "
    "stays there"
)
STAYS = (
    "way `first` leads to Service `ledger-one`, which has a cluster IP: whoever connects once "
    "stays with the member that he got"
)
NOT_FOUND = (
    "no new member ever answered by `first`: names are asked for again only when a connection "
    "ends, and nothing (MAX_CONNECTION_AGE of the server) ends one"
)
UNHOOKED = (
    "the container has no `preStop` hook: it is told to end before anybody knows that it is about "
    "to go"
)
BROKE = (
    "calls ended in UNAVAILABLE: connections broke under them; a server that sends GOAWAY and "
    "answers what is open before it ends breaks none"
)
LED_ASTRAY = (
    "calls by `first` failed before their deadline: they were led to a member that was gone, and "
    "then to no other one"
)
WAITED = (
    "calls by `first` waited until their deadline again and again: without keepalive nobody "
    "notices that a connection leads nowhere"
)
HOOKED = {"prestop": {"kind": "exec"}}


def called(policy: str = "pick_first", **facts: Any) -> Connecting:
    """Begin a run whose members are called by one way."""
    way = {"to": f"{ONE}:50051", "policy": policy, "claimed": True}
    story = Connecting(ways={WAY: way}, **facts)
    story.deploys()
    return story


def said(story: Connecting, guarantee: str, facts: dict[str, Any]) -> list[str]:
    verdict = Verdict(f"connection.{guarantee}", Standing.BROKEN, "it is")
    return list(causes(story.history(), verdict, facts))


def address(*, headless: bool) -> dict[str, Any]:
    others = {"ledger": {"headless": not headless}}
    return {"services": {**others, ONE: {"headless": headless}}}


@pytest.mark.parametrize(
    ("policy", "facts", "sentences"),
    [
        ("pick_first", address(headless=True), [PICKS]),
        ("pick_first", {}, [PICKS]),
        ("pick_first", {"services": {ONE: {}}}, [PICKS]),
        ("round_robin", address(headless=True), []),
        ("pick_first", address(headless=False), [STAYS]),
        ("round_robin", address(headless=False), [STAYS]),
    ],
)
def test_who_stays_with_one_member_does_so_by_his_policy_or_by_the_services_address(
    policy, facts, sentences
):
    story = called(policy)
    story.calls(9, [1], way=WAY)
    story.stage("node-kill", 1, "planned", {"target": story.proof(1)})
    story.calls(9, way=WAY)
    assert said(story, "spreads", facts) == sentences


def test_a_proxy_behind_one_address_that_reaches_all_members_is_no_cause():
    story = called()
    story.calls(9, way=WAY)
    assert said(story, "spreads", address(headless=False)) == []


@pytest.mark.parametrize(("found", "sentences"), [(True, []), (False, [NOT_FOUND])])
def test_newcomers_are_unfound_only_if_none_of_them_ever_answered(found, sentences):
    story = called("round_robin")
    story.calls(9, way=WAY)
    story.stage("pod-delete", 0, "receipt", story.proof(0))
    assert said(story, "rebalances", {}) == []
    story.comes(3)
    story.stage("scale-up", 0, "receipt", {"new": [{"ordinal": 3, **story.proof(3)}]})
    story.calls(9, [0, 3] if found else [0], way=WAY)
    assert said(story, "rebalances", {}) == sentences


@pytest.mark.parametrize(
    ("facts", "sentences"),
    [
        ({"prestop": {"kind": ""}}, [UNHOOKED]),
        ({"set": "ledger"}, [UNHOOKED]),
        (HOOKED, []),
        ({}, []),
    ],
)
def test_only_a_manifest_without_a_hook_cuts_callers_off(facts, sentences):
    story = called()
    story.call(0, way=WAY)
    assert said(story, "drains", facts) == sentences


def test_connections_broke_under_calls_only_if_one_ended_so():
    story = called()
    story.call(0, way=WAY, code="DEADLINE_EXCEEDED")
    assert said(story, "drains", HOOKED) == []
    story.call(0, way=WAY, code="UNAVAILABLE")
    assert said(story, "drains", HOOKED) == [BROKE]


@pytest.mark.parametrize(
    ("early", "late", "hung", "sentences"),
    [
        (0, 0, 0, []),
        (3, 0, 0, [f"3 {LED_ASTRAY}"]),
        (3, 2, 0, [f"3 {LED_ASTRAY}"]),
        (2, 2, 0, [WAITED]),
        (3, 2, 1, ["1 calls by `first` waited beyond their deadline: they set none"]),
    ],
)
def test_what_most_calls_ended_in_tells_why_they_failed_for_so_long(early, late, hung, sentences):
    story = called()
    story.calls(9, way=WAY)
    for code, count in (("UNAVAILABLE", early), ("DEADLINE_EXCEEDED", late), ("HUNG", hung)):
        for _ in range(count):
            story.call(None, way=WAY, code=code)
    assert said(story, "fails-over", {}) == sentences


def test_of_a_profile_that_declares_no_way_of_connecting_nothing_is_said():
    story = called()
    story.call(None, way=WAY, code="UNAVAILABLE")
    del story.ops[0].value["profile"]["connections"]
    for guarantee in ("spreads", "drains", "rebalances", "fails-over"):
        assert said(story, guarantee, {"set": "ledger"}) == []
