"""Calls that nobody answers: a sentence and unknown for the whole family, and nothing is broken.

On told runs: tests/test_checks_connection.py, tests/test_doors.py, tests/test_heard.py.
"""

from __future__ import annotations

import pytest

from seatrial.testing.varying import Variants, redirected, replaced, without_replicas

pytestmark = [pytest.mark.disruptive, pytest.mark.campaign]
FAMILY = ["connection.*"]
DOOR = "echo-proxy"
NOBODY = replaced("Service", "echo", "/spec/selector/app", "nobody")
NO_REPLICA = without_replicas(DOOR)
ASTRAY = redirected(DOOR, "echo:50055")
"""Nobody listens at that port of the members."""


@pytest.fixture
def variants(trial_ground, pytestconfig, tmp_path):
    """Give what certifies a subject that is changed in one place."""
    return Variants.of(trial_ground, pytestconfig, tmp_path)


@pytest.mark.parametrize(
    ("base", "patch", "said"),
    [
        ("grpc-echo", NOBODY, (
            "somebody behind Service echo (connections.ways.",
            "its selector app=nobody matches no pod",
            "the pods have app=echo",
        )),
        ("grpc-envoy", NO_REPLICA, (
            f"somebody behind Service {DOOR} (connections.ways.envoy.to), by which clients come",
            f"Deployment {DOOR} of the manifests would make one, and has replicas: 0",
            f"give Deployment {DOOR} a replica",
        )),
    ],
    ids=["nobody is selected", "a proxy of no replicas"],
)  # fmt: skip
def test_a_service_that_leads_to_nobody_is_named_before_anybody_calls(base, patch, said, variants):
    trial = variants.certified(base, [patch], FAMILY)
    assert (len(trial.verdicts), trial.standing.exit_code) == (5, 2)
    for found in trial.verdicts:
        assert found.verdict == "unknown", found.reason
        assert found.reason.startswith("nothing could be tried: ")
        assert [one for one in said if one not in found.reason] == []
    history = (trial.folder / "history.jsonl").read_text()
    assert not any(f'"what":"{what}"' in history for what in ("call", "fault"))


def test_a_proxy_that_reaches_no_member_leaves_the_family_unknown_and_nothing_is_broken(variants):
    trial = variants.certified("grpc-envoy", [ASTRAY], FAMILY)
    assert (len(trial.verdicts), trial.standing.exit_code) == (5, 2)
    for found in trial.verdicts:
        assert found.verdict == "unknown", found.reason
        assert f"by envoy ({DOOR}:50052), " in found.reason
        assert " calls failed before anything was broken: " in found.reason
        assert "x UNAVAILABLE" in found.reason
        assert f"was {DOOR} told the right address and port? It answers for members" in found.reason
    history = (trial.folder / "history.jsonl").read_text()
    assert '"what":"spared"' in history
    assert '"what":"fault"' not in history


def test_one_way_of_several_that_reaches_no_member_is_told_by_its_name(variants):
    trial = variants.certified("grpc-echo", [ASTRAY], ["connection.spreads"])
    (found,) = trial.verdicts
    assert (found.verdict, trial.standing.exit_code) == ("unknown", 2), found.reason
    assert f"by nginx ({DOOR}:50052), " in found.reason
    assert "status: 502" in found.reason
