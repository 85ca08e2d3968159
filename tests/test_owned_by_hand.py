"""The rogue that gives a claim an owner: that one, with the right uid, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from seatrial.places import carried
from seatrial.testing import fake_api

ROGUE = carried("fixtures") / "rogues" / "owned-by-hand" / "manifests" / "owned_by_hand.py"


@pytest.fixture
def api():
    with fake_api() as running:
        running.put("controllerrevisions", "ledger-7b", "x")
        for ordinal in (0, 1):
            running.put("persistentvolumeclaims", f"data-ledger-{ordinal}", "x", spec={"a": 1})
        yield running


def run(api, revision: str = "ledger-7b") -> int:
    env = {**os.environ, "API": api.host, "NAMESPACE": "x", "CLAIM_OF": "ledger-1"}
    env |= {"REVISION": revision}
    return subprocess.run([sys.executable, ROGUE], env=env, check=False).returncode


def test_the_members_claim_belongs_to_the_revision_and_no_other_claim_does(api):
    assert run(api) == 0
    claims = api.of("persistentvolumeclaims")
    uid = api.of("controllerrevisions")["x/ledger-7b"]["metadata"]["uid"]
    (owner,) = claims["x/data-ledger-1"]["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("ControllerRevision", uid, True)
    assert claims["x/data-ledger-1"]["spec"] == {"a": 1}
    assert "ownerReferences" not in claims["x/data-ledger-0"]["metadata"]


def test_without_the_revision_the_member_does_not_start(api):
    assert run(api, "another") != 0
