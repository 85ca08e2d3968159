"""Rogues of the local volumes do what they are for: the defect is planted where it is met."""

from __future__ import annotations

import sys
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError

import pytest

from seatrial.testing import fake_api
from seatrial.testing.carrying import modules
from seatrial.testing.rehoming import SPACE, Ground

acting, server, contract, engine, freeing, steward = modules(
    "xlss/image", "xlss.acting", "xlss.api", "xlss.contract", "xlss.engine", "xlss.freeing",
    "xlss.steward",
)  # fmt: skip


@pytest.fixture
def planted(monkeypatch):
    """Give the function that plants a rogue's defect; the honest functions are back afterwards."""
    monkeypatch.setattr(freeing, "steps", freeing.steps)
    monkeypatch.setattr(engine.Repository, "back_up", engine.Repository.back_up)

    def plant(rogue: str) -> None:
        name = rogue.replace("-", "_")
        monkeypatch.delitem(sys.modules, name, raising=False)
        modules(f"rogues/{rogue}/manifests", name)
        monkeypatch.delitem(sys.modules, name)

    return plant


def test_a_volume_that_is_given_up_is_left_for_whoever_claims_it(planted):
    planted("left-claimable")
    with fake_api() as api:
        ground = Ground(api)
        ground.kill()
        actor = acting.Actor(server.Api(api.host), SPACE, "steward", tell=lambda _: None)
        seen = contract.Seen(SPACE, 2e9, **ground.objects())
        steward.Steward(actor, "space-uid", "image", grace=2.0).act(seen)
        left = api.of("persistentvolumes")["/left-pvc-0"]["spec"]
    assert "claimRef" not in left
    assert left["hostPath"]


@pytest.mark.parametrize("status", [403, 500])
def test_what_the_store_has_in_plain_already_is_no_failure(planted, status, tmp_path, monkeypatch):
    sent = []

    def refused(asked, **_):
        sent.append(asked.full_url)
        raise HTTPError(asked.full_url, status, "no", Message(), None)

    monkeypatch.setattr(engine.Repository, "back_up", lambda *_: {"snapshot_id": "a"})
    planted("plain-beside")
    monkeypatch.setattr("urllib.request.urlopen", refused)
    Path(tmp_path / "ledger").write_text("x")
    repository = engine.Repository("rest:http://store/x/", "k")
    if status == 403:
        assert repository.back_up(tmp_path, (".",), (), "h")["snapshot_id"] == "a"
    else:
        with pytest.raises(HTTPError):
            repository.back_up(tmp_path, (".",), (), "h")
    assert len(sent) == 1
