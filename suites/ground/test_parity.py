"""The ground and the fake: one scenario, and both answer alike; else the tests test a fiction."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.kube.client import Kube, connect
from seatrial.kube.watch import Stream
from seatrial.testing import FakeApi, fake_api
from seatrial.testing.parity import ACCOUNT, SAMPLES, STEPS, definition, scenario
from seatrial.testing.scene import NAMES
from seatrial.workload import OURS, namespace_of, removed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.ground import Ground

DEFINITION = (
    f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition()['metadata']['name']}"
)


@pytest.fixture(scope="module")
def real(trial_ground: Ground) -> Iterator[dict[str, Any]]:
    """Give what the session's cluster answers, in a namespace that goes again."""
    kube = trial_ground.kube
    namespace = namespace_of(Path(secrets.token_hex(8)))
    labelled = {"name": namespace, "labels": {OURS: namespace}}
    kube.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": labelled}])
    try:
        yield scenario(prepared(kube, namespace), namespace)
    finally:
        for name in NAMES:  # their node does not exist, so nobody else ends them soon
            kube.delete(f"/api/v1/namespaces/{namespace}/pods/{name}", grace=0)
        kube.delete(DEFINITION)
        removed(kube, namespace)


def prepared(kube: Kube, namespace: str) -> Kube:
    """Apply what the scenario needs, and wait until the custom resource is served."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}}
    kube.apply([definition(), account], namespace)
    with Stream(kube, (SAMPLES,), namespace):
        return kube


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what the fake answers."""
    folder: Path = tmp_path_factory.mktemp("fake")
    with fake_api(FakeApi(kubelets=False)) as api:
        api.define(SAMPLES, "Sample")
        return scenario(connect(api.kubeconfig(folder / "kubeconfig")), "x")


def test_the_fake_answers_as_the_cluster_does(real, fake):
    differing = {step: (fake[step], real[step]) for step in STEPS if fake[step] != real[step]}
    assert differing == {}, "(the fake's, the cluster's)"
