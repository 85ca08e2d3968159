"""Tells of members that say what they run with, and of a configuration centre that is away.

May import: testing.story.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from seatrial.testing.story import Story

FAULT, STARTS = "centre-down", "a member starts without its centre"
PATIENCE = 30.0
"""Seconds in which a member must start without its centre."""
GIVEN = {"file": "colour = blue", "variable": "info", "secret": "9f"}
WORD = "changed"
CHANGE = "config-change"
SETTINGS: Mapping[str, Mapping[str, str]] = {
    name: {"of": f"configmap/{of}", "key": name, "to": to, "changes": changes}
    for name, of, to, changes in (
        ("file", "settings", "colour = green", "live"),
        ("variable", "settings", "debug", "restart"),
        ("sealed", "sealed", "site = south", "never"),
    )
}
"""What a profile declares of the three that members tell then."""


def tells_config(
    story: Story,
    ordinal: int,
    *,
    source: str = "centre",
    release: str = "one",
    word: str = "first",
    settings: Mapping[str, str] | None = None,
) -> None:
    """Let a member say what it runs with; its generated file is its own."""
    pod = story.pods[ordinal]
    given = {**GIVEN, "own": f"id = {ordinal}"} if settings is None else dict(settings)
    said = {"source": source, "release": release, "values": {"word": word}, "settings": given}
    value = {"ordinal": ordinal, "pod": pod["name"], "uid": pod["uid"], "question": "config"}
    story.says("probe/identity", "answer", {**value, "answer": json.dumps(said)})


def all_tell(story: Story, release: str = "one", word: str = "first") -> None:
    """Let every member say that it runs with what the centre has."""
    for ordinal in story.members:
        tells_config(story, ordinal, release=release, word=word)


def loses_centre(
    story: Story, ordinal: int, *, starts: bool = True, waits: float = PATIENCE
) -> None:
    """Let the centre go, and a member be started without it; it is watched for so many seconds.

    What members say meanwhile comes after.
    """
    head = story.ops[0]
    limits = {**head.value["limits"], STARTS: PATIENCE}
    story.ops[0] = replace(head, value={**head.value, "limits": limits})
    story.stage(FAULT, ordinal, "planned", {"target": story.proof(ordinal)})
    old = story.proof(ordinal)
    story.waits(2)
    story.goes(ordinal)
    story.comes(ordinal)
    if not starts:
        # Whoever came was not Ready after all.
        story.ops.pop()
        story.pods[ordinal] = {**story.pods[ordinal], "ready": False}
        story.waits(waits)
    now = {"deployment": "centre", "service": "centre", "replicas": 0, "endpoints": []}
    proof = {**old, "centre": {**now, "refused": "refused"}, "ready": starts}
    story.stage(FAULT, ordinal, "receipt", {**proof, "started": story.proof(ordinal)})
    story.waits(0.1)


def gets_centre_back(story: Story, ordinal: int, *, word: str = WORD) -> None:
    """Let the centre come back, and a change be published; an empty word is none."""
    if not story.pods[ordinal]["ready"]:
        story.waits(1)
        story.pod(ordinal, "MODIFIED", ready=True)
    story.waits(2)
    now = {"deployment": "centre", "service": "centre", "replicas": 1, "endpoints": ["10.0.0.9"]}
    changed = {"word": word, "published": "two", "late": {}} if word else {}
    proof = {**story.proof(ordinal), "centre": now, "changed": changed}
    story.stage(FAULT, ordinal, "healed", proof)
    story.waits(0.1)


def declares(story: Story, settings: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """Let the profile say what members are given, and what a change of it does."""
    head = story.ops[0]
    given = {"taken": ["taken"], "settings": {**SETTINGS} if settings is None else {**settings}}
    profile = {**head.value["profile"], "given": given}
    story.ops[0] = replace(head, value={**head.value, "profile": profile})


def changes(
    story: Story,
    ordinal: int = 0,
    *,
    seconds: float = 40.0,
    late: Sequence[int] = (),
    watched: float = 125.0,
    objects: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Change what members are given; who is `late` was not given it while it was watched."""
    story.stage(CHANGE, ordinal, "planned", {"target": story.proof(ordinal)})
    story.waits(watched if late else seconds)
    refused = {"changed": False, "immutable": True, "code": 422, "said": "field is immutable"}
    done: dict[str, Mapping[str, Any]] = {"configmap/settings": {"changed": True}}
    done = {**done, "configmap/sealed": refused, **(objects or {})}
    missed = {"watched": watched, "said": "it gave up"}
    told = {str(n): {"file": missed if n in late else {"seconds": seconds}} for n in story.members}
    proof = {"target": story.proof(ordinal), "objects": done, "reached": told}
    story.stage(CHANGE, ordinal, "receipt", {**proof, "watched": watched if late else seconds})
    story.waits(0.1)


def changed_back(story: Story, ordinal: int = 0) -> None:
    """Put back what members are given."""
    story.waits(40)
    story.stage(CHANGE, ordinal, "healed", {"target": story.proof(ordinal), "same": {}})
    story.waits(0.1)


def given_anew(
    story: Story,
    *,
    meanwhile: Mapping[str, str] | None = None,
    only: Sequence[int] | None = None,
    **how: Any,
) -> None:
    """Tell a whole change: all say what they are given before, meanwhile and after.

    `meanwhile` is what members (`only` those, if told) tell otherwise than they should.
    """
    plain = {"file": "colour = blue", "variable": "info", "sealed": "site = north"}
    for member in story.members:
        tells_config(story, member, settings=plain)
    changes(story, **how)
    for member in story.members:
        odd = meanwhile if meanwhile and (only is None or member in only) else {}
        tells_config(story, member, settings={**plain, "file": "colour = green", **odd})
    changed_back(story, how.get("ordinal", 0))
    for member in story.members:
        tells_config(story, member, settings=plain)


def outage(
    story: Story,
    ordinal: int = 0,
    *,
    starts: bool = True,
    meanwhile: Mapping[str, str] | None = None,
    word: str = WORD,
    takes: Sequence[int] | None = None,
) -> None:
    """Tell a whole outage: all say what they run with before, meanwhile and after.

    `meanwhile` is what the one that was started says of itself then (of its backup, unless told);
    `takes` are those that take the change up, all unless told.
    """
    own: dict[str, Any] = {"source": "backup"} if meanwhile is None else dict(meanwhile)
    new: dict[str, Any] = {"release": "two", "word": word}
    all_tell(story)
    loses_centre(story, ordinal, starts=starts)
    for member in story.members:
        tells_config(story, member, **(own if member == ordinal else {}))
    gets_centre_back(story, ordinal, word=word)
    for member in story.members:
        tells_config(story, member, **(new if takes is None or member in takes else {}))
