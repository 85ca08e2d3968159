"""Sessions that nobody can have: a sentence and unknown, soon, and nothing is broken for it.

A client library that retries in secret is the rogue `secret-retries`. On told runs:
tests/test_checks_session.py, tests/test_doors.py, tests/test_heard.py.
"""

from __future__ import annotations

import pytest

from seatrial.testing.varying import (
    Variants,
    image,
    redirected,
    removed,
    replaced,
    without_replicas,
)

pytestmark = [pytest.mark.disruptive, pytest.mark.campaign]
COOKIE = ["session.cookie"]
DOOR = "session-proxy"
NOBODY = replaced("Service", "session", "/spec/selector/app", "nobody")
NO_REPLICA = without_replicas(DOOR)
NO_PROXY = [removed("Deployment", DOOR), removed("Service", DOOR)]
ITS_OWN = {"session": image("session", "image"), "session-load": image("session", "load")}
ASTRAY = redirected(DOOR, "session.session-members:8081")
"""Nobody listens at that port of the members."""


@pytest.fixture
def variants(trial_ground, pytestconfig, tmp_path):
    """Give what certifies a subject that is changed in one place."""
    return Variants.of(trial_ground, pytestconfig, tmp_path)


@pytest.mark.parametrize(
    ("base", "changes", "count", "said"),
    [
        ("session", {"patches": [NOBODY]}, 4, (
            "somebody behind Service session (sessions.to, sessions.idle), by which clients come",
            "its selector app=nobody matches no pod",
            "the pods have app=session",
            "let the selector of Service session be labels of the pods that shall serve",
        )),
        ("session-envoy", {"patches": [NO_REPLICA]}, 1, (
            f"somebody behind Service {DOOR} (sessions.through), by which clients come",
            f"Deployment {DOOR} of the manifests would make one, and has replicas: 0",
            f"give Deployment {DOOR} a replica",
        )),
        ("session-envoy", {"patches": NO_PROXY, "images": ITS_OWN}, 1, (
            f"there is no Service {DOOR}; the trial has ",
            "name a Service of the manifests in sessions.through of profile.yaml",
        )),
    ],
    ids=["nobody is selected", "a proxy of no replicas", "no proxy at all"],
)  # fmt: skip
def test_a_service_that_leads_to_nobody_is_named_before_anybody_visits(
    base, changes, count, said, variants
):
    trial = variants.certified(base, guarantees=["session.*"], **changes)
    assert (len(trial.verdicts), trial.standing.exit_code) == (count, 2)
    for found in trial.verdicts:
        assert found.verdict == "unknown", found.reason
        assert found.reason.startswith("nothing could be tried: ")
        assert [one for one in said if one not in found.reason] == []
    history = (trial.folder / "history.jsonl").read_text()
    assert not any(f'"what":"{what}"' in history for what in ("request", "fault"))


@pytest.mark.parametrize(("base", "status"), [("session", 502), ("session-envoy", 503)])
def test_an_ingress_that_reaches_no_member_is_told_by_what_it_answered(base, status, variants):
    trial = variants.certified(base, [ASTRAY], COOKIE)
    (found,) = trial.verdicts
    assert (found.verdict, trial.standing.exit_code) == ("unknown", 2), found.reason
    assert f" visits by the way 'cookie' ({DOOR}:80) was answered: " in found.reason
    assert f"x status {status}" in found.reason
    assert f"was {DOOR} told the right address and port? It answers for members" in found.reason
    assert '"what":"spared"' in (trial.folder / "history.jsonl").read_text()
