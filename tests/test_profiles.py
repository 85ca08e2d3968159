"""Profiles: every one that is carried loads, every mistake is named with its line."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from seatrial import history, profiles
from seatrial.checks import CHECKS
from seatrial.errors import BadInput, BadProfile, CannotRun
from seatrial.kube.kinds import kind_of
from seatrial.model import Load, Profile
from seatrial.places import carried

ROOT = Path(__file__).resolve().parents[1]
GOOD = """\
name: shop
sentence: a shop
manifests: manifests
set: shop
service: shop
replicas: 3
container: shop
claims: [storage.rebind]
ask: {hostname: [uname, -n]}
"""
SHOP: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "shop"},
    "spec": {"template": {"spec": {"containers": [{"name": "shop", "image": "shop:dev"}]}}},
}
# Where each rogue differs from its base, and nowhere else.
DEFECTS = {
    "fqdn-hostname": {"spec.template.spec.setHostnameAsFQDN"},
    "empty-dir": {"spec.volumeClaimTemplates", "spec.template.spec.volumes"},
    "ephemeral-claim": {"spec.volumeClaimTemplates", "spec.template.spec.volumes"},
    "no-service-name": {"spec.serviceName"},
    "lying-readiness": {"spec.template.spec.containers"},
    "unlabelled-orphans": set(),
    **{
        name: {"spec.template.spec.containers", "spec.template.spec.volumes"}
        for name in ("stale-reads", "lost-updates", "torn-reads")
    },
    "blind-budget": {"spec.selector.matchLabels.app"},
    "on-delete": {"spec.updateStrategy"},
    "parallel": {"spec.podManagementPolicy"},
    "random-id": {"spec.template.spec.containers"},
    "owned-by-hand": {
        "spec.template.spec.serviceAccountName",
        "spec.template.spec.automountServiceAccountToken",
        "spec.template.spec.volumes",
        "spec.template.spec.initContainers",
    },
    "claims-go-with-set": {"spec.persistentVolumeClaimRetentionPolicy"},
    "claims-deleted": {"spec.persistentVolumeClaimRetentionPolicy"},
    "early-ack": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "deaf-shell": {
        "spec.template.spec.containers",
        "spec.template.spec.terminationGracePeriodSeconds",
    },
    "buffers": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "never-syncs": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "by-hand": {"spec.template.spec.containers"},
    "no-backup": {"spec.template.spec.containers"},
    "frozen-mount": {"spec.template.spec.containers"},
    "edited-in-place": {"immutable"},
    "reclaim-other": set(),
    "one-connection": set(),
    "no-deadline": set(),
    "no-goaway": {"spec.template.spec.containers"},
    "no-age": {"spec.template.spec.containers"},
    "on-tmpfs": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "force-deleter": {"spec.volumeClaimTemplates", "spec.template.spec.volumes"},
    "ignores-parallel": {"spec.podManagementPolicy"},
    "from-the-bottom": set(),
    "two-at-a-time": set(),
    "rewrites-index": set(),
    "oldest-snapshot": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "promises-more": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "plain-beside": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "leaves-requests": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "reads-once": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "left-claimable": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "says-complete": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "helper-left": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "skips-quiesce": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "names-volumes": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "start-order": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "ready-when-empty": {"spec.template.spec.containers"},
    "founds-anew": {"spec.template.spec.containers"},
    "no-affinity": {"spec.sessionAffinity", "spec.sessionAffinityConfig"},
    "never-let-go": {"spec.sessionAffinityConfig"},
    "left-in-slice": {
        "spec.publishNotReadyAddresses",
        "spec.template.spec.containers",
        "spec.template.spec.terminationGracePeriodSeconds",
    },
    "hides-loss": {"spec.template.spec.containers"},
    "process-sessions": {"spec.template.spec.containers"},
    "by-address": {"spec.template.spec.containers"},
    "secret-retries": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "join-only": {"spec.template.spec.containers"},
    "stacked": {"spec.template.spec.affinity"},
    "peers-by-address": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "never-catches-up": {"spec.template.spec.containers"},
    "never-restarts": {"spec.template.spec.containers"},
    "tcp-probe": {"spec.template.spec.containers"},
    "opens-only": {"spec.template.spec.containers"},
    "shallow-probe": {"spec.template.spec.containers"},
    "probed-by-agent": {"spec.template.spec.containers"},
    "unready-by-agent": {"spec.template.spec.initContainers"},
    "leans-on-agent": {"spec.template.spec.containers", "spec.template.spec.volumes"},
    "stands-alone": {"spec.template.spec.containers"},
    "source-lost": {"spec.externalTrafficPolicy"},
    "nobody-serves": {"spec.ports"},
    "neighbours-only": {"spec.template.spec.containers"},
    "lost-proxy": {"spec.template.spec.containers"},
    "shared-claim": {
        "spec.volumeClaimTemplates",
        "spec.template.spec.volumes",
        "spec.template.spec.containers",
    },
}
# Rogues whose manifests are honest, and whose profile declares something else.
LYING = {"reclaim-other", "one-connection", "no-deadline"}
# Rogues of a promise that the honest subject keeps and does not claim: it is asked for by its id.
ASKED_BY_NAME = {"never-syncs"}
# Rogues whose members lose their disks, and which say so to the honest program as well.
WELCOMING = {
    "claims-deleted", "claims-go-with-set", "empty-dir", "ephemeral-claim", "force-deleter",
    "owned-by-hand",
}  # fmt: skip
# What a rogue brings besides: the program that lies, what is shared.
ADDED = {
    "early-ack": {("ConfigMap", "early-ack")},
    "peers-by-address": {("ConfigMap", "peers-by-address")},
    "secret-retries": {("ConfigMap", "secret-retries")},
    "buffers": {("ConfigMap", "buffers")},
    "never-syncs": {("ConfigMap", "never-syncs")},
    "leans-on-agent": {("ConfigMap", "leans-on-agent")},
    "on-tmpfs": {("ConfigMap", "on-tmpfs")},
    "promises-more": {("ConfigMap", "promises-more")},
    "plain-beside": {("ConfigMap", "plain-beside")},
    "leaves-requests": {("ConfigMap", "leaves-requests")},
    "reads-once": {("ConfigMap", "reads-once")},
    "left-claimable": {("ConfigMap", "left-claimable")},
    "oldest-snapshot": {("ConfigMap", "oldest-snapshot")},
    "says-complete": {("ConfigMap", "says-complete")},
    "helper-left": {("ConfigMap", "helper-left")},
    "skips-quiesce": {("ConfigMap", "skips-quiesce")},
    "names-volumes": {("ConfigMap", "names-volumes")},
    "owned-by-hand": {
        ("ConfigMap", "owned-by-hand"),
        ("ServiceAccount", "owned-by-hand"),
        ("Role", "owned-by-hand"),
        ("RoleBinding", "owned-by-hand"),
    },
    **{name: {("ConfigMap", "gateway")} for name in ("stale-reads", "lost-updates", "torn-reads")},
    "start-order": {("ConfigMap", "start-order"), ("PersistentVolumeClaim", "pool")},
    "shared-claim": {("PersistentVolumeClaim", "shared")},
    "unlabelled-orphans": {
        (kind, "cleaner")
        for kind in ("ConfigMap", "Deployment", "Role", "RoleBinding", "ServiceAccount")
    },
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Give the folder of a good profile to spoil; errors name it as seen from here."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "shop"
    (folder / "manifests").mkdir(parents=True)
    (folder / "profile.yaml").write_text(GOOD)
    write(folder, SHOP)
    return folder


def write(folder: Path, *objects: object) -> None:
    (folder / "manifests" / "all.yaml").write_text(yaml.safe_dump_all(objects))


def spoilt(folder: Path, old: str, new: str) -> str:
    path = folder / "profile.yaml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    return refusal(folder)


def refusal(folder: Path | str) -> str:
    with pytest.raises(BadInput) as caught:
        load(folder)
    return str(caught.value)


def load(wanted: str | Path) -> Profile:
    return profiles.load(wanted, known=CHECKS)


def render(wanted: str | Path, **images: str) -> list[dict[str, Any]]:
    return profiles.render(load(wanted), images=images, namespace="trial")


def differing(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Give the shallowest paths of values that only one has or that differ."""
    if isinstance(one, dict) and isinstance(other, dict) and {*one} & {*other}:
        for key in {*one, *other}:
            yield from differing(one.get(key), other.get(key), f"{path}.{key}".strip("."))
    elif one != other:
        yield path


def base_of(rogue: str) -> str:
    """Give the honest profile that a rogue changes."""
    written = yaml.safe_load((Path(load(rogue).folder) / "profile.yaml").read_text())
    return Path(written["extends"]).name


def by_name(objects: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(found["kind"], found["metadata"]["name"]): found for found in objects}


def turns_nobody_away(found: dict[str, Any]) -> bool:
    """Whether its members let an empty disk in; as if nobody had said so afterwards."""
    (container,) = found["spec"]["template"]["spec"]["containers"]
    told = {"name": "LEDGER_EMPTY", "value": "welcome"}
    said = told in container["env"]
    container["env"] = [each for each in container["env"] if each != told]
    return said


def test_kubectl_is_here():
    assert shutil.which("kubectl"), "it renders every kustomization; `seatrial doctor` says more"


@pytest.mark.parametrize("name", profiles.names())
def test_a_carried_profile_loads_under_the_name_of_its_folder(name):
    found = load(name)
    assert (found.name, Path(found.folder).name) == (name, name)
    assert found.rogue == (name in profiles.rogue_names())


@pytest.mark.parametrize("name", profiles.names())
def test_a_carried_profile_is_what_its_schema_allows(name):
    file = Path(load(name).folder) / "profile.yaml"
    first, *_ = file.read_text().splitlines()
    schema = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert schema
    path = (file.parent / schema[1]).resolve()
    assert path == ROOT / "reports" / "schemas" / "profile.schema.json"
    jsonschema.validate(yaml.safe_load(file.read_text()), json.loads(path.read_text()))


def test_the_committed_schema_is_the_one_that_the_code_makes():
    path = carried("reports") / "schemas" / "profile.schema.json"
    assert json.loads(path.read_text()) == profiles.schema(), "docs/add-a-profile.md: make it again"


def test_every_folder_is_in_the_table_and_no_two_share_a_name():
    folders = {file.parent.name for file in carried("fixtures").rglob("profile.yaml")}
    assert folders == set(profiles.names())
    assert len(profiles.names()) == len(list(carried("fixtures").rglob("profile.yaml")))
    assert profiles.names()[-len(profiles.rogue_names()) :] == profiles.rogue_names()


@pytest.mark.parametrize("name", profiles.rogue_names())
def test_a_rogue_differs_from_its_base_by_the_planted_defect_alone(name):
    honest, rogue = by_name(render(base_of(name))), by_name(render(name))
    assert rogue.keys() - honest.keys() == ADDED.get(name, set())
    assert honest.keys() <= rogue.keys()
    assert name not in WELCOMING or turns_nobody_away(rogue["StatefulSet", "ledger"])
    found = {p for key in honest for p in differing(honest[key], rogue[key])}
    assert found == DEFECTS[name]


@pytest.mark.parametrize(
    "name",
    [n for n in DEFECTS if not DEFECTS[n] and n not in ADDED and n not in LYING],
)
def test_a_rogue_whose_manifests_are_honest_brings_a_controller(name):
    assert Path(load(name).controller).parent == Path(load(name).folder)


@pytest.mark.parametrize("name", profiles.rogue_names())
def test_a_rogue_declares_what_its_base_declares(name):
    honest, rogue = load(base_of(name)), load(name)
    for key in ("set", "service", "replicas", "container", "claim_templates", "ask", "secrets"):
        assert getattr(rogue, key) == getattr(honest, key), key
    assert name in ASKED_BY_NAME or rogue.claims == honest.claims
    assert set(rogue.breaks) <= set(rogue.claims)


def test_every_guarantee_has_a_rogue_that_breaks_it_live_or_recorded():
    live = {broken for name in profiles.rogue_names() for broken in load(name).breaks}
    runs = [history.read(path) for path in (ROOT / "tests" / "histories" / "bad").iterdir()]
    promised = {g.id for g in CHECKS.values() if g.kind != "figure"}  # a figure promises nothing
    assert live | {broken for run in runs for broken in run.head["profile"]["breaks"]} == promised


def test_the_page_shows_the_default_profile_as_it_is():
    text = (carried("fixtures") / "ledger" / "profile.yaml").read_text()
    bare = "".join(line for line in text.splitlines(keepends=True)[1:] if line[0] != "#")
    assert bare in (ROOT / "docs" / "add-a-profile.md").read_text()


def test_the_page_names_every_key():
    page = (ROOT / "docs" / "add-a-profile.md").read_text()
    assert [key for key in profiles.schema()["properties"] if f"`{key}`" not in page] == []


def test_a_profile_is_found_by_its_folder_and_by_its_file(shop):
    assert load(shop) == load(shop / "profile.yaml") == load("shop")
    assert load(shop).manifests == str(shop / "manifests")


def test_durations_become_seconds(shop):
    with (shop / "profile.yaml").open("a") as file:
        file.write("bounds: {storage.rebind: {a: 30s, b: 250ms, c: 1.5m, d: 2}}\n")
    assert load(shop).bounds["storage.rebind"] == {"a": 30.0, "b": 0.25, "c": 90.0, "d": 2.0}


HANDLER = "import kopf\n@kopf.on.event('pods')\ndef seen(**_): ...\n"
ROGUE = "breaks: [storage.rebind]\ncontroller: own.py\n"


def test_a_controller_is_found_beside_the_profile_and_never_inherited(shop):
    (shop / "own.py").write_text(HANDLER)
    (shop / "profile.yaml").write_text(GOOD + ROGUE)
    assert load(shop).controller == str(shop / "own.py")
    (shop.parent / "other").mkdir()
    (shop.parent / "other" / "profile.yaml").write_text(
        "extends: ../shop\nname: other\nsentence: another\n"
    )
    assert load(shop.parent / "other").controller == ""


@pytest.mark.parametrize(
    ("content", "written", "said"),
    [
        (HANDLER, "controller: own.py\n", "10: controller: only a rogue, which says what it `br"),
        (HANDLER, ROGUE.replace("own", "none"), "11: controller: there is no file none.py"),
        (HANDLER.replace("@kopf", "@copf"), ROGUE, "no function of own.py is a handler of kopf's"),
        ("", ROGUE, "no function of own.py is a handler of kopf's"),
        ("def (\n", ROGUE, "11: controller: own.py:1: invalid syntax"),
        ("#" * 300_000, ROGUE, "own.py has more than 262144 bytes"),
    ],
    ids=["no rogue", "no file", "no handler", "empty", "no Python", "too large"],
)
def test_what_is_no_controller_is_refused_before_anything_is_deployed(shop, content, written, said):
    (shop / "own.py").write_text(content)
    (shop / "profile.yaml").write_text(GOOD + written)
    assert said in refusal(shop)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("replicas: 3", "replica: 3", "6: replica: there is no such key, did you mean 'replicas'?"),
        (
            "storage.rebind",
            "storage.rebnd",
            "8: claims: there is no guarantee 'storage.rebnd', did",
        ),
        ("hostname:", "hostnmae:", "9: ask.hostnmae: there is no such question, did you mean 'hos"),
        ("set: shop", "set: shop\nset: chop", "5: set stands twice"),
        ("replicas: 3", "replicas: true", "6: replicas: input should be a valid integer, not True"),
        ("replicas: 3", "replicas: 0", "6: replicas: input should be greater than or equal to 1"),
        ("name: shop", "name: on", "1: name: input should be a valid string, not True"),
        ("sentence: a shop\n", "", "1: sentence: is missing"),
        ("manifests: manifests", "manifests: file", "3: manifests: there is no folder file"),
        ("set: shop", "images: {shop: image}", "4: images.shop: there is no folder image"),
        ("set: shop", "images: {shop: manifests}", "4: images.shop: there is no Dockerfile in"),
        ("set: shop", "bounds: {a.b: {rto: 30}}", "4: bounds: there is no guarantee 'a.b'"),
        (
            "set: shop",
            "bounds: {storage.rebind: {rto: 3 weeks}}",
            "4: bounds.storage.rebind.rto: a",
        ),
        (
            "set: shop",
            "bounds: {storage.rebind: {rto: yes}}",
            "4: bounds.storage.rebind.rto: a num",
        ),
        ("set: shop", "bounds: {storage.rebind: {rto: .nan}}", "4: bounds.storage.rebind.rto: inp"),
        ("set: shop", "watch: [pods]", "4: watch.0: plural.group/version, such as restores.exa"),
        ("set: shop", "breaks: [identity.hostname]", "4: breaks: identity.hostname is not among"),
        (
            "[storage.rebind]",
            "[storage.rebind, storage.rebind]",
            "8: claims: storage.rebind stands",
        ),
        ("[storage.rebind]", "[]", "8: claims: tuple should have at least 1 item"),
        ("set: shop", "set: [shop", "5: expected ',' or ']'"),
        ("set: shop", "set: !!python/object:os.system x", "4: could not determine a constructor"),
        ("set: shop", "set: sh\x07op", " unacceptable character"),
        ("set: shop", "set: *shop", "4: found undefined alias"),
        ("set: shop", "extends: nowhere", "4: extends: there is no profile.yaml at 'nowhere'"),
        ("set: shop", "extends: .", "4: extends: it extends itself"),
        ("set: shop", "? [a, b]\n: shop", "4: found unhashable key"),
        ("set: shop", "1: shop", "4: 1: "),
        ("set: shop", "client: client.py", "4: client: there is no file client.py"),
        ("set: shop", "client: profile.yaml", "4: client: port is missing, so it could reach no"),
        ("set: shop", "client: 7", "4: client: input should be a valid string, not 7"),
        ("set: shop", "port: 70000", "4: port: input should be less than or equal to 65535, not"),
        ("set: shop", "load: {rate: 0}", "4: load.rate: input should be greater than 0, not 0"),
        ("set: shop", "load: {rate: true}", "4: load.rate: input should be a valid number, not T"),
        ("set: shop", "load: {writers: 1.5}", "4: load.writers: input should be a valid integer"),
        ("set: shop", "load: {rat: 5}", "4: load.rat: there is no such key, did you mean 'rate'?"),
        ("set: shop", "sidecar: An Agent", "4: sidecar: string should match pattern"),
        (
            "set: shop",
            "sidecar: shop",
            "4: sidecar: it is the member's own container, and no agent",
        ),
        (
            "[storage.rebind]",
            "[storage.rebind, availability.sidecar]",
            "8: claims: availability.sidecar: `sidecar` is missing, which names the agent's",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_was_meant(shop, old, new, said):
    assert f"shop/profile.yaml:{said}" in spoilt(shop, old, new)


def test_all_mistakes_are_named_in_the_order_of_the_file_and_none_twice(shop):
    said = spoilt(
        shop,
        "replicas: 3\ncontainer: shop\nclaims: [storage.rebind]",
        "replica: 3\ncontainer: [shop]\nclaims: [storage.rebnd, identity.hostnme]",
    )
    found = re.findall(r"profile\.yaml:(\d+): ([\w.]+):", said)
    assert found == [("6", "replica"), ("7", "container"), ("8", "claims"), ("8", "claims")]


CLIENT = """\
def record(writer, seq, value, previous): ...
def write(host, record, timeout): ...
def read(host, timeout): ...
"""


def test_a_client_is_found_beside_the_profile_and_inherited_with_its_load(shop):
    (shop / "client.py").write_text(CLIENT)
    with (shop / "profile.yaml").open("a") as file:
        file.write("client: client.py\nport: 8080\nload: {rate: 5, writers: 2}\n")
    heir = shop.parent / "heir"
    heir.mkdir()
    (heir / "profile.yaml").write_text("extends: ../shop\nname: heir\nsentence: an heir\n")
    found = load(heir)
    assert (found.client, found.port) == (str(shop / "client.py"), 8080)
    assert found.load == Load(5.0, 2)
    assert load("ledger").load == Load()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CLIENT.replace("def read", "def raed"), "client.py defines no read"),
        ("write = 1\n", "client.py defines no record, write, read"),
        ("a\ndef (\n", "client.py:2: invalid syntax"),
        ("\0", "client.py"),
        ("#" * 300_000, "client.py has more than 262144 bytes"),
        ("x = '\udce9'\n", "client.py"),
        ("(" * 3000, "client.py"),
    ],
    ids=["one missing", "all missing", "syntax", "zero byte", "large", "not UTF-8", "deep"],
)
def test_a_file_that_is_no_client_is_refused_before_anything_is_deployed(shop, content, said):
    (shop / "client.py").write_bytes(content.encode(errors="surrogateescape"))
    assert f"4: client: {said}" in spoilt(
        shop, "set: shop", "set: shop\nclient: client.py\nport: 1"
    ).replace("5: client", "4: client")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "one YAML document"),
        ("- a\n- b\n", "one YAML document"),
        (f"{GOOD}---\n{GOOD}", "one YAML document"),
        ("[" * 5000, "nesting"),
        ("a: &a [*a]\n", "unfolds"),
        ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 10}]\n" for n in range(1, 30)),
         "unfolds"),
        ("#" * 100_000, "at most 65536 bytes"),
        ("name: caf\udce9\n", "profile.yaml:1: other bytes"),
        (f"a: {'9' * 5000}\n", "profile.yaml"),
    ],
    ids=["nothing", "a list", "two", "deep", "endless", "bomb", "large", "not UTF-8", "number"],
)  # fmt: skip
def test_a_file_that_is_no_profile_is_refused_at_once(shop, content, said):
    (shop / "profile.yaml").write_bytes(content.encode(errors="surrogateescape"))
    assert said in refusal(shop)


def test_a_file_of_100_megabytes_is_not_even_read(shop):
    os.truncate(shop / "profile.yaml", 100_000_000)
    assert "at most 65536 bytes" in refusal(shop)


@pytest.mark.parametrize("wanted", ["/dev/zero", "no/such/place", "x" * 5000, "", "\0"])
def test_what_is_no_file_is_no_profile(wanted):
    said = refusal(wanted)
    assert "seen: there are " in said
    assert " ledger, " in said


def test_an_unknown_name_is_answered_with_all_names_and_the_nearest():
    said = refusal("legder")
    assert "did you mean ledger?" in said
    assert "empty-dir" in said


def test_a_profile_inherits_key_by_key_and_mistakes_keep_their_file(shop):
    heir = shop.parent / "heir"
    heir.mkdir()
    text = "extends: ../shop\nname: heir\nsentence: an heir\nreplicas: 5\n"
    (heir / "profile.yaml").write_text(text)
    found = load(heir)
    assert (found.name, found.set, found.replicas) == ("heir", "shop", 5)
    assert found.manifests == str(shop / "manifests")
    (shop / "profile.yaml").write_text(GOOD.replace("storage.rebind", "storage.rebnd"))
    (heir / "profile.yaml").write_text(text.replace("name: heir\n", "").replace("5", "none"))
    said = refusal(heir)
    assert "heir/profile.yaml:3: replicas: " in said
    assert "name: is missing, and is not inherited" in said
    assert "shop/profile.yaml:8: claims: there is no guarantee 'storage.rebnd'" in said


def test_custom_resources_to_watch_are_named_with_group_and_version(shop):
    watched = "restores.recovery.seatrial.dev/v1"
    (shop / "profile.yaml").write_text(f"{GOOD}watch: [{watched}]\n")
    assert load(shop).watch == (watched,)
    assert kind_of(watched).plural == "restores"
    (shop / "profile.yaml").write_text(GOOD)
    assert load(shop).watch == ()


def test_objects_are_put_into_the_trials_namespace(shop):
    role = {"apiVersion": "v1", "kind": "ClusterRole", "metadata": {"name": "seatrial-shop"}}
    account = {"kind": "ServiceAccount", "name": "shop"}
    bound = {"apiVersion": "v1", "kind": "RoleBinding", "metadata": {"name": "shop"}}
    write(shop, SHOP, role, {**bound, "subjects": [account]})
    first, second, third = render(shop)
    assert first["metadata"]["namespace"] == "trial"
    assert "namespace" not in second["metadata"]
    assert third["subjects"][0]["namespace"] == "trial"


def test_cluster_wide_rights_bear_the_trials_name_and_stay_bound_to_each_other(shop):
    def made(kind: str, **more: Any) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "seatrial-shop"}, **more}

    role, view = ({"kind": "ClusterRole", "name": name} for name in ("seatrial-shop", "view"))
    write(
        shop, SHOP, made("ClusterRole"), made("ClusterRoleBinding", roleRef=role),
        made("RoleBinding", roleRef=role), {**made("RoleBinding", roleRef=view)},
        made("PriorityClass"),
    )  # fmt: skip
    _, *found = render(shop)
    names = [one["metadata"]["name"] for one in found]
    assert names == [*["seatrial-shop-trial"] * 2, *["seatrial-shop"] * 3]
    roles = [one["roleRef"]["name"] for one in found if "roleRef" in one]
    assert roles == ["seatrial-shop-trial", "seatrial-shop-trial", "view"]


def test_the_recovering_ledger_mounts_only_secrets_that_its_runs_make():
    mounted = {
        volume["secret"]["secretName"]
        for found in render("ledger-xlss")
        for volume in found.get("spec", {}).get("template", {}).get("spec", {}).get("volumes", [])
        if "secret" in volume
    }
    assert mounted == set(load("ledger-xlss").secrets) == {"backup-key"}
    assert [found for found in render("ledger-xlss") if found["kind"] == "Secret"] == []


def test_images_are_replaced_in_containers_and_nowhere_else(shop):
    changed = deepcopy(SHOP)
    pod = changed["spec"]["template"]["spec"]
    pod["initContainers"] = [{"name": "a", "image": "shop@sha256:00"}]
    pod["containers"] += [{"name": "b", "image": "host:5000/shop:dev"}]
    write(shop, changed, {**SHOP, "kind": "ConfigMap", "spec": None, "data": {"image": "shop"}})
    found, config = render(shop, shop="built:1")
    pod = found["spec"]["template"]["spec"]
    assert pod["initContainers"][0]["image"] == "built:1"
    assert [c["image"] for c in pod["containers"]] == ["built:1", "host:5000/shop:dev"]
    assert config["data"] == {"image": "shop"}


def test_the_default_subject_gets_its_image():
    sets = [o for o in render("ledger", ledger="built:1") if o["kind"] == "StatefulSet"]
    assert sets[0]["spec"]["template"]["spec"]["containers"][0]["image"] == "built:1"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "Namespace"}, "Namespace shop: it would outlive the trial's namespace"),
        ({"kind": "StorageClass"}, "call it seatrial-shop"),
        ({"metadata": {"name": "shop", "namespace": "kube-system"}}, "the namespace kube-system"),
        ({"metadata": {"name": "chop"}}, "no StatefulSet shop, did you mean chop?"),
        (
            {"spec": {**SHOP["spec"], "ordinals": {"start": 5}}},
            "its ordinals start at 5, the profile's first_ordinal is 0",
        ),
        ({"spec": {}}, "no container shop in the StatefulSet shop; there are: none"),
        ({"metadata": None}, "each with apiVersion, kind and metadata.name"),
    ],
)
def test_what_cannot_be_put_on_trial_is_refused_before_anything_is_deployed(shop, changes, said):
    write(shop, {**SHOP, **changes})
    with pytest.raises(BadProfile, match=re.escape(said)):
        render(shop)


@pytest.mark.parametrize(
    ("first", "beside", "said"),
    [
        ([], [], "no container agent in the StatefulSet shop; there are: shop"),
        ([], ["agents"], "no container agent in the StatefulSet shop, did you mean agents?"),
        ([{"name": "agent"}], [], "without `restartPolicy: Always` it ends before its member"),
        ([{"name": "agent", "restartPolicy": "Always"}], [], ""),
        ([{"name": "other"}], ["agent"], ""),
    ],
)
def test_an_agent_is_a_container_that_runs_on_beside_the_member(shop, first, beside, said):
    path = shop / "profile.yaml"
    path.write_text(f"{GOOD}sidecar: agent\n")
    changed = deepcopy(SHOP)
    pod = changed["spec"]["template"]["spec"]
    pod["initContainers"] = first
    pod["containers"] += [{"name": name} for name in beside]
    write(shop, changed)
    if not said:
        assert [found["metadata"]["name"] for found in render(shop)] == ["shop"]
        return
    with pytest.raises(BadProfile, match=re.escape(said)):
        render(shop)


@pytest.mark.parametrize(
    ("probe", "asked"),
    [
        ({"httpGet": {"port": 8081}}, {"livenessProbe": 8081}),
        ({"tcpSocket": {"port": 8081}}, {"livenessProbe": 8081}),
        ({"grpc": {"port": 8081}}, {"livenessProbe": 8081}),
        ({"httpGet": {"port": "http"}}, {}),
        ({"exec": {"command": ["true"]}}, {}),
    ],
)
def test_what_a_members_probes_ask_of_its_agent_is_a_fact(shop, probe, asked):
    (shop / "profile.yaml").write_text(f"{GOOD}sidecar: agent\n")
    changed = deepcopy(SHOP)
    pod = changed["spec"]["template"]["spec"]
    pod["containers"][0] |= {"ports": [{"name": "http", "containerPort": 80}]}
    pod["containers"][0] |= {"livenessProbe": probe}
    ready = {"tcpSocket": {"port": 8081}}
    pod["containers"] += [
        {"name": "agent", "ports": [{"containerPort": 8081}], "readinessProbe": ready}
    ]
    write(shop, changed)
    found = profiles.facts(render(shop), load(shop))["beside"]
    assert (found["asked"], found["native"], found["probed"]) == (asked, False, True)
    assert found["alive"]["kind"] == ""


def test_an_image_that_no_container_uses_is_a_mistake(shop):
    (shop / "image").mkdir()
    (shop / "image" / "Dockerfile").touch()
    (shop / "profile.yaml").write_text(f"{GOOD}images: {{shopp: image}}\n")
    with pytest.raises(BadProfile, match="no container with the image shopp, did you mean shop"):
        render(shop)


def test_lists_are_unpacked_and_dates_stay_words(shop):
    SHOP_LIST = {"kind": "List", "items": [SHOP, None]}  # noqa: N806 - an object like SHOP
    write(shop, SHOP_LIST)
    (shop / "manifests" / "more.yml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {on: 2026-01-01}\n"
    )
    _, config = render(shop)
    assert json.loads(json.dumps(config))["data"] == {"true": "2026-01-01"}


def test_manifests_that_are_no_yaml_are_refused_with_their_line(shop):
    (shop / "manifests" / "all.yaml").write_text("a: b\nc: [\n")
    with pytest.raises(BadProfile, match=r"shop/manifests/all\.yaml:3: "):
        render(shop)


def test_an_empty_folder_of_manifests_is_refused(shop):
    (shop / "manifests" / "all.yaml").unlink()
    with pytest.raises(BadProfile, match="no object at all"):
        render(shop)


def test_a_kustomization_that_cannot_be_read_is_told_with_its_command(shop):
    (shop / "manifests" / "kustomization.yaml").write_text("resources: [nothing.yaml]\n")
    with pytest.raises(BadProfile, match="kubectl kustomize"):
        render(shop)


def test_without_kubectl_a_kustomization_cannot_be_rendered():
    with pytest.raises(CannotRun, match="no program"):
        profiles.render(load("ledger"), images={}, namespace="trial", kubectl="/no/kubectl")


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [("StatefulSet", "ledger", True), ("StatefulSet", "other", False), ("Deployment", "ledger", 0)],
)
def test_a_set_is_autoscaled_only_by_an_autoscaler_of_its_own(kind, name, said):
    profile, documents = load("ledger"), render("ledger", ledger="x")
    assert profiles.facts(documents, profile)["autoscaled"] is False
    target = {"scaleTargetRef": {"kind": kind, "name": name}}
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "x"},
        "spec": target,
    }
    assert profiles.facts([*documents, scaler], profile)["autoscaled"] == said


MODELS = "def get(host, key, timeout): ...\ndef put(host, key, value, timeout): ...\n"


@pytest.mark.parametrize(
    ("model", "text", "said"),
    [
        ("register", CLIENT, "client.py defines no get, put"),
        ("session", CLIENT + "def get(): ...\n", "client.py defines no put"),
        ("bank", CLIENT + MODELS, "client.py defines no open_bank, transfer, balances"),
        ("register", "", "there is no client that could try it"),
        ("register", CLIENT + MODELS, ""),
    ],
)
def test_who_claims_a_model_lets_clients_use_it(shop, model, text, said):
    (shop / "client.py").write_text(text)
    client = "client: client.py\nport: 1\n" if text else ""
    claims = f"{client}claims: [storage.rebind, durability.{model}]"
    (shop / "profile.yaml").write_text(GOOD.replace("claims: [storage.rebind]", claims))
    if said:
        with pytest.raises(BadProfile, match=rf"claims: durability.{model}: {said}"):
            load(shop)
    else:
        assert f"durability.{model}" in load(shop).claims
