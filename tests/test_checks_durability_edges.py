"""durability.acknowledged at its edges: disks that were there for a while, parts of seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seatrial import checks
from seatrial.checks.lost_claims import stays
from seatrial.model import History, Outcome, Standing, Verdict
from seatrial.testing import Story, gets_its_disk_back, loses_claim


def verdict(of: Story | History) -> Verdict:
    run = of.history() if isinstance(of, Story) else of
    return checks.CHECKS["durability.acknowledged"].check(run)


@pytest.mark.parametrize(
    ("edge", "later", "counted"),
    [(0, -0.25, 1), (0, 0, 0), (0, 0.25, 0), (1, -0.25, 0), (1, 0, 0), (1, 0.25, 1)],
)
def test_what_was_acknowledged_on_a_disk_for_a_while_counts_from_its_first_moment_to_its_last(
    edge, later, counted
):
    story = Story({"claim-lost": [1]})
    story.deploys()
    gets_its_disk_back(story, 1, loses_claim(story, 1, ready=True))
    story.writes(1)
    run = story.history()
    (stay,) = stays(run)
    moment = stay.during(stay.pods[0])[edge] + later
    ops = (replace(op, completed=moment) if op.what == "write" else op for op in run.ops)
    assert verdict(History(tuple(ops))).figures["acknowledged"] == counted


def test_a_run_without_a_fault_shows_nothing():
    story = Story()
    story.deploys()
    story.writes(0)
    assert verdict(story).reason == "no fault was caused, so nothing was shown"


def test_the_longest_outage_is_told_to_three_places():
    story = Story()
    story.deploys()
    story.writes(0)
    story.waits(1.23456)
    story.writes(0)
    assert verdict(story).figures["longest_outage_seconds"] == 1.335


def test_a_member_whose_readings_were_all_cut_short_was_not_read_to_its_end():
    story = Story({"pod-delete": [1]})
    story.deploys()

    def served() -> None:
        for member in story.members:
            story.writes(member)

    served()
    story.phase("fault")
    served()
    story.drifts("pod-delete", 1)
    served()
    story.phase("final")
    served()
    for member in story.members:
        story.reads(member, Outcome.INFO if member else Outcome.OK)
    found = verdict(story)
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "member 1 was not read to its end after the faults",
    )
