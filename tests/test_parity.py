"""The fake answers as parity.json says that a server does; suites/ground holds that to a real one.

Source of parity.json: k8s.io/kubernetes and k8s.io/apiserver 1.34, as testing.parity names them.
"""

import json
from pathlib import Path

import pytest

from seatrial.kube.client import connect
from seatrial.testing import FakeApi, fake_api
from seatrial.testing.parity import SAMPLES, STEPS, definition, scenario

EXPECTED = json.loads((Path(__file__).parent / "parity.json").read_text())


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    with fake_api(FakeApi(kubelets=False)) as api:
        api.define(SAMPLES, "Sample")
        kube = connect(api.kubeconfig(tmp_path_factory.mktemp("fake") / "kubeconfig"))
        return scenario(kube, "x")


@pytest.mark.parametrize("step", STEPS)
def test_the_fake_answers_as_a_server_does(step, answers):
    assert answers[step] == EXPECTED[step]


def test_no_expectation_is_left_over():
    assert list(EXPECTED) == list(STEPS)


def test_a_server_that_ends_a_pod_without_marking_it_is_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeApi, "_mark", lambda *_: None)
    with fake_api(FakeApi(kubelets=False)) as api:
        api.define(SAMPLES, "Sample")
        found = scenario(connect(api.kubeconfig(tmp_path / "kubeconfig")), "x")
    wrong = {step for step in STEPS if found[step] != EXPECTED[step]}
    assert {"a watch from the start", "what ends is still there"} <= wrong


def test_the_definition_names_the_resource_that_is_watched():
    spec = definition()["spec"]
    (version,) = spec["versions"]
    assert f"{spec['names']['plural']}.{spec['group']}/{version['name']}" == SAMPLES
