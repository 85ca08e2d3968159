"""What a run made goes with the cluster, unless another run comes after it there."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial import cli, cluster, ground
from seatrial.cluster import Cluster, Spec, engine, records
from seatrial.kube.client import Kube
from seatrial.progress import Quiet

SPEC = Spec("paper", "three-workers", "fast", "1.34")


@pytest.fixture
def known(monkeypatch, tmp_path):
    """Give the names of the clusters that are up; what goes down leaves them."""
    names: list[str] = []

    def up(spec: Spec, _: object) -> Cluster:
        names.append(spec.name) if spec.name not in names else None
        return Cluster(spec.name, "", "", "kind", tmp_path, "paper", "1.34", (), {})

    monkeypatch.setattr(engine, "running", lambda: Path("socket"))
    monkeypatch.setattr(records, "names", lambda: [*names])
    monkeypatch.setattr(cluster, "up", up)
    monkeypatch.setattr(cluster, "down", lambda name, _: names.remove(name))
    monkeypatch.setattr(Cluster, "connect", lambda _: Kube.__new__(Kube))
    return names


@pytest.mark.parametrize("shared", [False, True])
def test_a_run_alone_on_a_cluster_of_its_own_leaves_its_namespace_to_go_down_with_it(known, shared):
    with ground.grounded(SPEC, Quiet(), shared=shared) as found:
        assert found.lasting is shared
    assert known == []


@pytest.mark.parametrize("shared", [False, True])
def test_on_a_cluster_that_was_there_every_run_removes_what_it_made(known, shared):
    known.append(SPEC.name)
    with ground.grounded(SPEC, Quiet(), shared=shared) as found:
        assert found.lasting
    assert known == [SPEC.name]


@pytest.mark.parametrize(
    ("call", "shared"),
    [
        (["rogues", "no-backup"], False),
        (["rogues", "no-backup", "on-tmpfs"], True),
        (["certify", "ledger"], False),
        (["certify", "ledger", "--claim-rate", "0.5"], True),
    ],
)
def test_runs_that_follow_each_other_share_their_cluster(call, shared, monkeypatch):
    asked: list[object] = []

    def made(*_: object, **told: object) -> None:
        asked.append(told)
        raise LookupError("a cluster was asked for")

    monkeypatch.setattr("seatrial.cli.trial.grounded", made)
    with pytest.raises(LookupError, match="a cluster was asked for"):
        cli.called(call)
    assert asked == [{"shared": shared}]
