"""Tells how a member's process is killed and its container started again, for tests of checks.

Member 1 writes before that and after it, and every member is read in the end.
May import: testing.story.
"""

from __future__ import annotations

from collections.abc import Callable

from seatrial.testing.story import SET, Faults, Story

_FAULT, _CUT = "process-kill", "disk-unsynced-loss"


def began(faults: Faults) -> Story:
    """Let a run begin whose plan has these faults, up to its first writes under fault."""
    story = Story(faults)
    story.deploys()
    story.phase("fault")
    written(story)
    return story


def written(story: Story, times: int = 4) -> None:
    """Let member 1 write so many records."""
    for _ in range(times):
        story.writes(1)


def ended(story: Story, *, served: bool = True) -> Story:
    """Let a run end with all members read; unless `served`, nothing more is written before."""
    if served:
        story.waits(1)
        written(story)
    story.phase("final")
    for member in story.members:
        story.reads(member)
    return story


def kills(
    story: Story, ordinal: int, *, loses: Callable[[], object] = bool, code: int = 137
) -> None:
    """Let a process end by SIGKILL and come again in the same pod; `loses` happens with it."""
    story.stage(_FAULT, ordinal, "planned", {"target": story.proof(ordinal)})
    story.waits(0.3)
    loses()
    before = story.pods[ordinal].get("restarts", 0)
    proof = {**story.proof(ordinal), "restarts": before, "witness": "its runtime"}
    story.stage(_FAULT, ordinal, "receipt", proof)
    _starts_again(story, ordinal)
    ended = {"restarts": before + 1, "exit": code, "reason": "Error"}
    story.stage(_FAULT, ordinal, "healed", {**story.proof(ordinal), **ended})
    story.answers(ordinal)


def loses_power(
    story: Story, ordinal: int, *, loses: Callable[[], object] = bool, wrote: bool = True
) -> None:
    """Let a member write to a disk whose power is cut then; `loses` happens with that."""
    story.stage(_CUT, ordinal, "planned", {"target": story.proof(ordinal)})
    story.waits(0.3)
    _starts_again(story, ordinal)
    for _ in range(3):
        story.waits(0.5)
        story.writes(ordinal)
    loses()
    lost = {"dropped": {"files": 1, "bytes": 4096}, "synced": 3, "wrote": wrote}
    story.stage(_CUT, ordinal, "receipt", {**story.proof(ordinal), **lost, "witness": "its disk"})
    _starts_again(story, ordinal)
    story.stage(_CUT, ordinal, "healed", {**story.proof(ordinal), "how": "started again"})
    story.answers(ordinal)


def _starts_again(story: Story, ordinal: int) -> None:
    before = story.pods[ordinal].get("restarts", 0)
    story.waits(0.5)
    story.pod(ordinal, "MODIFIED", ready=False)
    story.waits(1)
    again = {SET: f"containerd://{story.rv}"}
    story.pod(ordinal, "MODIFIED", containers=again, restarts=before + 1)
    story.waits(0.5)
    story.pod(ordinal, "MODIFIED", ready=True)


def forgets(story: Story, ordinal: int, records: int = 0) -> None:
    """Let a member lose the last so many records of its writer, all when 0 are named."""
    writer = f"w{ordinal}"
    kept = story.held[ordinal][:-records] if records else []
    story.held[ordinal] = kept
    story.chains.pop(writer, None)
    if kept:
        story.chains[writer] = kept[-1][1], kept[-1][2]
