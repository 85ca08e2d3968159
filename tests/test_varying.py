"""Variants of shipped subjects: what is patched is changed, and all else is as it was."""

from typing import Any

import pytest

from seatrial import profiles
from seatrial.checks import CHECKS
from seatrial.testing.varying import image, removed, replaced, written

ASTRAY = "session.session-members:8081"
PATCH = replaced(
    "Deployment", "session-proxy", "/spec/template/spec/containers/0/env/0/value", ASTRAY
)


def made(folder, *patches, **keys) -> dict[tuple[str, str], Any]:
    profile = profiles.load(written("session-envoy", folder, patches, **keys), known=CHECKS)
    found = profiles.render(profile, images=profile.images, namespace="n")
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return made(tmp_path_factory.mktemp("whole"))


def test_one_value_is_replaced_and_all_else_stays(tmp_path, whole):
    found, proxy = made(tmp_path, PATCH), ("Deployment", "session-proxy")
    (container,) = found[proxy]["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "PROXY_TO", "value": ASTRAY}]
    assert {key: found[key] for key in found if key != proxy} == {
        key: whole[key] for key in whole if key != proxy
    }


def test_what_is_removed_is_not_made(tmp_path, whole):
    found = made(tmp_path, removed("Service", "session-proxy"))
    assert whole.keys() - found.keys() == {("Service", "session-proxy")}


def test_a_variant_claims_what_its_subject_claims(tmp_path):
    variant = profiles.load(written("grpc-envoy", tmp_path, []), known=CHECKS)
    assert variant.claims == profiles.load("grpc-envoy", known=CHECKS).claims


def test_a_variant_may_leave_a_part_and_its_image_out(tmp_path, whole):
    gone = [removed(kind, "session-proxy") for kind in ("Deployment", "Service")]
    found = made(tmp_path, *gone, images={"session": image("session", "image"),
                                          "session-load": image("session", "load")})  # fmt: skip
    assert {kind for kind, _ in whole.keys() - found.keys()} == {"Deployment", "Service"}
