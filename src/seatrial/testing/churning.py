"""Tells what befalls all members of a Story's set at once, for tests of checks.

May import: model and testing.story.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seatrial.model import Json
from seatrial.testing.story import SET, Story


def churns(story: Story, tokens: Mapping[int, str] | None = None) -> None:
    """Let all pods be deleted together and come again; `tokens` are told instead of theirs."""
    story.stage("pods-delete", story.first, "planned", {"target": story.proof(story.first)})
    for ordinal in story.members:
        story.pod(ordinal, "MODIFIED", deleting=True, ready=False)
    story.waits(1)
    gone = _pods(story)
    for ordinal in story.members:
        story.pod(ordinal, "DELETED")
    story.stage("pods-delete", story.first, "receipt", {"pods": gone})
    _come(story)
    story.stage("pods-delete", story.first, "healed", {"pods": _pods(story)})
    for ordinal in story.members:
        story.answers(ordinal, token=(tokens or {}).get(ordinal, ""))


def declares(story: Story, *, deleted: str = "Retain", scaled: str = "Retain") -> None:
    """Let the watch see the set, and what it says of its claims."""
    story.rv += 1
    spec = {"replicas": story.replicas, "start": story.first}
    value = {"event": "ADDED", "rv": story.rv, "name": SET, "uid": "set", **spec}
    retention = {"deleted": deleted, "scaled": scaled}
    story.says("watch/statefulsets", "set", {**value, "retention": retention})


def loses_its_set(story: Story) -> None:
    """Let the set be deleted, and its pods after it, with the receipt of it."""
    story.stage("set-delete", story.first, "planned", {"target": story.proof(story.first)})
    story.waits(0.1)
    gone = _pods(story)
    for ordinal in story.members:
        story.goes(ordinal)
    story.stage("set-delete", story.first, "receipt", {"set": SET, "uid": "set", "pods": gone})


def gets_its_set_again(story: Story) -> None:
    """Let the set be made again, with the proof of healing."""
    _come(story)
    proof = {"set": SET, "uid": "set made again", "pods": _pods(story)}
    story.stage("set-delete", story.first, "healed", proof)
    for ordinal in story.members:
        story.answers(ordinal)


def _come(story: Story) -> None:
    for ordinal in story.members:
        story.comes(ordinal)


def _pods(story: Story) -> Sequence[Mapping[str, Json]]:
    return [{"ordinal": ordinal, **story.proof(ordinal)} for ordinal in story.members]
