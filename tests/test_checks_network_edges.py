"""The network family: what is said of whoever answered, word for word, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial import checks
from seatrial.model import Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.looking import CALLER, LEDGE, Sight, watched

NODE_PORT, KEPT = "network.node-port", "network.source-kept"
HEADLESS = "network.headless-outside"
PORT, NAME = "node-port", "headless"
WRONG = {
    NODE_PORT: Sight(dead="door", seconds=6.0),
    KEPT: Sight(snat=True, seconds=6.0),
    HEADLESS: Sight(stale=0, seconds=6.0),
}


def verdict(guarantee: str, story: Story) -> Verdict:
    return checks.CHECKS[guarantee].check(story.history())


def shown(story: Story, found: Verdict) -> list[str]:
    return [story.history().ops[index].what for index in found.evidence]


def answers(story: Story, way: str, answer: dict[str, Any], **where: Any) -> Story:
    """Let whoever looked have had this answer there, for as long as it was looked for."""
    for op in story.ops:
        if op.what == "reached" and {"way": way, **where}.items() <= op.value.items():
            op.value.update(answer)  # type: ignore[attr-defined]
    return story


@pytest.mark.parametrize("guarantee", WRONG)
def test_a_profile_may_claim_that_all_is_well_sooner_or_later(guarantee):
    for within, standing in ((None, "unknown"), (5.0, "broken"), (7.0, "unknown")):
        story = watched(WRONG[guarantee])
        bounds = {} if within is None else {guarantee: {"within": within}}
        story.ops[0].value["profile"]["bounds"] = bounds
        assert verdict(guarantee, story).verdict == standing


STRANGE = {"right": 35, "asked": 35, "errors": {}, "pods": {"two": 20, "one": 15}}


def test_strangers_that_answer_for_a_service_are_all_named():
    story = answers(watched(Sight(dead="door")), PORT, STRANGE, service="door")
    assert verdict(NODE_PORT, story).reason == (
        f"before: {LEDGE} answered for door by one, two, no member"
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {"peers": {"10.0.0.9": 1, "10.0.0.8": 1}},
            "a member saw 10.0.0.8, 10.0.0.9, not the caller's 172.18.0.9",
        ),
        (
            {"peers": {CALLER["address"]: 2}, "pods": {"ledger-2": 1, "ledger-1": 1}},
            "was answered by ledger-1, ledger-2 on another node",
        ),
    ],
)
def test_whoever_else_a_member_saw_or_answered_for_it_is_named(answer, said):
    story = answers(watched(Sight(snat=True)), PORT, {"right": 0, "asked": 1}, service="kept")
    for node in ("worker-0", "worker-1", "worker-2"):
        answers(story, PORT, {"peers": {CALLER["address"]: 1}}, service="kept", node=node)
    full = {"right": 2, "asked": 2, "errors": {}, "pods": {"ledger-0": 2}}
    answers(story, PORT, {**full, **answer}, service="kept", node="worker-0")
    found = verdict(KEPT, story)
    assert found.verdict is Standing.BROKEN
    between = ": " if "saw" in said else " "
    assert found.reason == f"before: kept at worker-0{between}{said}"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {"addresses": ["10.0.9.9", "10.0.9.8"]},
            "10.96.0.10 told a node 10.0.9.9, 10.0.9.8 for ledger-0, which is at ",
        ),
        (
            {"addresses": [], "code": "NXDOMAIN"},
            "10.96.0.10 told a node NXDOMAIN for ledger-0, which is at ",
        ),
        ({"pods": {"two": 1, "one": 1}}, "one, two answered for ledger-0"),
    ],
)
def test_what_a_server_told_a_node_and_who_answered_there_is_named(answer, said):
    story = watched(Sight(stale=0))
    for op in story.ops:
        if op.what == "reached" and op.value["way"] == NAME:
            own = story.pods[op.value["ordinal"]]["ip"]
            op.value["addresses"] = [own]  # type: ignore[index]
    looks = [op for op in story.ops if op.what == "look"]
    for look in looks:
        for ordinal, member in look.value["members"].items():
            member["ip"] = story.pods[int(ordinal)]["ip"]
    found = verdict(HEADLESS, answers(story, NAME, answer, ordinal=0))
    own = story.pods[0]["ip"] if said.endswith(" ") else ""
    assert (found.verdict, found.reason) == (Standing.BROKEN, f"before: {said}{own}")


@pytest.mark.parametrize("code", ["TIMEOUT", "UNREACHABLE", "MALFORMED"])
def test_a_server_that_gave_no_answer_that_can_be_read_shows_nothing(code):
    mute = {"code": code, "addresses": [], "right": 0, "asked": 0, "pods": {}}
    story = answers(watched(), NAME, mute, server="10.96.0.10")
    assert verdict(HEADLESS, story).verdict is Standing.HOLDS
    found = verdict(HEADLESS, answers(watched(), NAME, mute))
    assert found.reason == "before: no DNS server told a node the name of member 0"


@pytest.mark.parametrize("guarantee", [NODE_PORT, KEPT])
@pytest.mark.parametrize(
    ("key", "what"), [("port", "NodePort"), ("endpoints", "ready endpoint")], ids=str
)
def test_a_service_that_nobody_can_ask_is_named_with_the_look_that_shows_it(guarantee, key, what):
    story, service = watched(), "door" if guarantee == NODE_PORT else "kept"
    for op in story.ops:
        if op.what == "look":
            op.value["services"][service][key] = 0
    found = verdict(guarantee, story)
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        f"before: Service {service} has no {what}",
    )
    assert shown(story, found) == ["look"]


def test_too_few_connections_are_shown_where_they_were_made():
    story = watched(Sight(times=34))
    found = verdict(NODE_PORT, story)
    assert found.reason == f"before: 34 connections to {LEDGE} are few: 35 find each member"
    assert shown(story, found) == ["reached"]


def test_where_nobody_was_reached_with_an_address_kept_or_none_had_to_be_silent_it_is_told():
    story = watched()
    for op in story.ops:
        if op.what == "look":
            op.value["services"]["kept"]["promise"] = "anywhere"
    assert verdict(KEPT, story).reason == "nobody was reached by a Service that keeps addresses"
    story = watched()
    for op in story.ops:
        if op.what == "look":
            del op.value["nodes"][LEDGE]
    story.ops = [op for op in story.ops if op.value.get("node") != LEDGE]
    assert verdict(KEPT, story).reason == "each node had a member, so that none had to be silent"
