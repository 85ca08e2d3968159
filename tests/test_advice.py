"""Advice: each rogue's planted defect is named as the likely cause, and nobody's else is.

What was declared is what the rogue's own manifests say, rendered as for a trial.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from seatrial import checks, history, profiles, report
from seatrial.checks.advice import advise
from seatrial.evidence import RunFolder
from seatrial.model import History, Op, Outcome, Plan, Standing, Verdict
from seatrial.places import carried
from seatrial.testing import Story
from seatrial.testing.lives import Heard

RECORDED = Path(__file__).parent / "histories" / "bad"
CAUSES = {
    "claims-deleted": "`whenScaled: Delete` in the claim retention policy of the set",
    "secret-retries": "but `python3 -B -u /rogue/busy.py`",
    "join-only": "has no `preStop` hook",
    "stacked": "`podAffinity` in the pod template draws pods to the node",
    "peers-by-address": "but `python3 -B -u /rogue/by_address.py`",
    "never-catches-up": "but `python3 -B -u -c import sys",
    "never-restarts": "its liveness probe is the program `/bin/true`",
    "tcp-probe": "its liveness probe only opens a TCP connection",
    "stands-alone": "but `python3 -B -u -c import sys",
    "early-ack": "but `python3 -B -u /rogue/early_ack.py`",
    "deaf-shell": "the first process of the container is a shell (`sh -c",
    "buffers": "but `python3 -B -u /rogue/buffers.py`",
    "never-syncs": "but `python3 -B -u /rogue/never_syncs.py`",
    "on-tmpfs": "volume `memory` at /memory is an `emptyDir`",
    "reclaim-other": "`storage.reclaim: {retain: 1}` in the profile",
    "empty-dir": "volume `data` at /data is an `emptyDir`",
    "ephemeral-claim": "volume `data` at /data is a generic ephemeral volume",
    "fqdn-hostname": "`setHostnameAsFQDN: true` in the pod template",
    "no-service-name": "`serviceName: nobody` names no Service",
    "ignores-parallel": "and the set says `podManagementPolicy: OrderedReady`",
    "parallel": "`podManagementPolicy: Parallel` in the set",
    "from-the-bottom": "somebody else deletes members",
    "two-at-a-time": "(`two_at_a_time.py` ran beside this trial)",
    "force-deleter": "deleted by force (grace period 0)",
    "claims-go-with-set": "`whenDeleted: Delete` in the claim retention policy of the set",
    "owned-by-hand": "was deleted, or given an owner, by somebody else",
    "random-id": "but `sh -c exec env POD_NAME=ledger-$(shuf",
    "shared-claim": "volume `data` at /data is the one claim `shared` for all members",
    "start-order": "volume `pool` at /pool is the one claim `pool` for all members",
    "rewrites-index": "right at first and changed later",
    "blind-budget": "PodDisruptionBudget `ledger` selects no pod of the set",
    "lying-readiness": "the container has no `readinessProbe`",
    "on-delete": "`updateStrategy: OnDelete` in the set",
    "unlabelled-orphans": "was taken off ledger-",
    "ready-when-empty": "was Ready on the claim made again",
    "founds-anew": "but `sh -c case $(uname -n) in *-0)",
    "no-affinity": "`sessionAffinity: None` in Service `session`",
    "never-let-go": "`timeoutSeconds` of Service `session` is 10800, and the profile claims 6 s",
    "left-in-slice": "`publishNotReadyAddresses: true` in Service `session`",
    "hides-loss": "2 answers call a session whole that the member did not know",
    "process-sessions": "kept in a process's own memory, not in the store",
    "by-address": "14 browsers with cookies of their own came to one member",
    "promises-more": "read it before the copy begins",
    "plain-beside": "came into the repository beside",
    "leaves-requests": "answered already: ask its status",
    "left-claimable": "there for anybody to claim",
    "reads-once": "read the annotations again whenever the pod changes",
    "says-complete": "something else for success",
    "helper-left": "does not delete them once they have ended",
    "skips-quiesce": "the member wrote while it was copied",
    "names-volumes": "relative to the volume's own directory",
    "one-connection": "has the policy pick_first",
    "no-goaway": "the container has no `preStop` hook",
    "no-age": "no new member ever answered by",
    "no-deadline": "waited beyond their deadline",
    "by-hand": "but `sh -c test -e /data/by-hand",
    "no-backup": "keeps no copy of what it was told",
    "opens-only": "its liveness probe only opens a TCP connection",
    "shallow-probe": "its liveness probe asks for `/healthz`",
    "probed-by-agent": "the member's `livenessProbe` asks port 8081, which is its agent's",
    "unready-by-agent": "the agent has a `readinessProbe`: the pod is not Ready while",
    "leans-on-agent": "but `python3 -B -u /rogue/leans_on_agent.py`",
    "frozen-mount": "`ledger.properties` of configmap/settings is mounted at /ledger.properties",
    "edited-in-place": "configmap/sealed has no `immutable: true`",
    "source-lost": "`externalTrafficPolicy: Cluster` in Service `outside-kept`",
    "nobody-serves": "Service `outside-anywhere` leads to port 8001",
    "neighbours-only": "is found by its name and does not let a node in (status 403)",
    "lost-proxy": "through the proxy that `http_proxy`",
    "stale-reads": "clients are answered by the container `gateway`",
    "lost-updates": "clients are answered by the container `gateway`",
    "torn-reads": "clients are answered by the container `gateway`",
    "oldest-snapshot": "is newer: choose by when each backup began",
}
SEEN = {
    "one-connection": "calls-pinned",
    "no-goaway": "calls-dropped",
    "no-age": "newcomers-unfound",
    "no-deadline": "calls-waited",
    "reclaim-other": "other-policy",
    "join-only": "ghosts",
    "no-backup": "centre-missed",
    "shallow-probe": "locked",
    "oldest-snapshot": "oldest-restored",
    "promises-more": "more-promised",
    "plain-beside": "plain-beside",
    "leaves-requests": "requests-left",
    "left-claimable": "left-claimable",
    "reads-once": "policy-read-once",
    "says-complete": "failed-silently",
    "helper-left": "helper-left",
    "skips-quiesce": "copy-torn",
    "names-volumes": "volume-named",
    "force-deleter": "two-at-once",
    "ignores-parallel": "made-one-by-one",
    "rewrites-index": "index-rewritten",
    "owned-by-hand": "owned-by-hand",
    "unlabelled-orphans": "orphan-missed",
    "ready-when-empty": "empty-disk-served",
    "neighbours-only": "neighbours-only",
}
"""Rogues whose cause is in what was seen, and a run in which it was."""
COUNTED = {
    "hides-loss": {"hidden": 2},
    "process-sessions": {"lost": 3},
    "by-address": {"members": 1, "clients": 14},
}
"""Rogues whose cause is in the verdict's figures."""


@cache  # rendering takes a kubectl
def declared(name: str) -> dict[str, Any]:
    profile = profiles.load(name, known=checks.CHECKS)
    documents = profiles.render(profile, images={}, namespace="trial")
    return dict(profiles.facts(documents, profile))


def told(of: History, facts: dict[str, Any]) -> History:
    op = Op("run", "declared", Outcome.OK, 0.0, 0.0, facts, index=len(of.ops))
    return History((*of.ops, op))


def broken(guarantee: str, **figures: int) -> Verdict:
    return Verdict(guarantee, Standing.BROKEN, "it is", figures=figures)


def seen(name: str) -> History:
    recorded = SEEN.get(name)
    return history.read(RECORDED / f"{recorded}.jsonl") if recorded else Story().history()


@pytest.mark.parametrize("name", profiles.rogue_names())
def test_a_rogues_planted_defect_is_named_as_the_likely_cause(name):
    of = told(seen(name), declared(name))
    for guarantee in profiles.load(name, known=checks.CHECKS).breaks:
        found = broken(guarantee, **COUNTED.get(name, {}))
        assert any(CAUSES[name] in one for one in advise(of, found))


HONEST = [(name, guarantee) for name in ("ledger", "ledger-xlss") for guarantee in checks.CHECKS]
# It keeps nothing on disks, which is no fault of who claims nothing of disks.
HONEST += [("session", guarantee) for guarantee in checks.CHECKS if guarantee[:8] == "session."]


@pytest.mark.parametrize(("name", "guarantee"), HONEST)
def test_the_manifest_of_an_honest_subject_is_no_cause(name, guarantee):
    said = advise(told(Story().history(), declared(name)), broken(guarantee))
    assert [one for one in said if "somebody else deletes members" not in one] == []


@pytest.mark.parametrize("standing", [Standing.HOLDS, Standing.UNKNOWN])
def test_what_is_not_broken_has_no_cause(standing):
    of = told(Story().history(), declared("parallel"))
    assert advise(of, Verdict("ordering.scale-down", standing, "so it is")) == ()


@pytest.mark.parametrize("guarantee", checks.CHECKS)
def test_without_a_manifest_only_what_was_seen_is_a_cause(guarantee):
    assert advise(Story().history(), broken(guarantee)) == ()


def test_a_tail_that_was_lost_points_to_acknowledging_too_early():
    run = history.read(RECORDED / "tail-lost.jsonl")
    (found,) = checks.judge(run, checks.chosen(["durability.acknowledged"]))
    assert any("acknowledges before they are on the disk" in one for one in found.advice)


def test_a_member_whose_pod_was_deleted_by_force_is_named_with_its_node():
    run = Heard({"node-cut": [1]})
    run.looks()
    run.deploys()
    run.is_cut_off(1, forced=True)
    run.looks()
    (found,) = checks.judge(run.history(), checks.chosen(["identity.at-most-one"]))
    (said,) = found.advice
    assert "ledger-1 was gone from the API server 12.0 s before" in said
    assert "on worker-1 ended" in said


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ({"spec": {"clusterIP": "10.0.0.1"}}, "has a cluster IP: only a headless one"),
        ({"spec": {"clusterIP": "None"}}, "`publishNotReadyAddresses` is not set"),
        ({"spec": {"clusterIP": "None", "publishNotReadyAddresses": True}}, ""),
    ],
)
def test_a_service_that_gives_members_no_names_is_named(service, said):
    name = {"kind": "Service", "metadata": {"name": "ledger"}}
    profile = profiles.load("ledger", known=checks.CHECKS)
    the_set = {
        "kind": "StatefulSet",
        "metadata": {"name": "ledger"},
        "spec": {"serviceName": "ledger", "template": {"spec": {"containers": []}}},
    }
    facts = dict(profiles.facts([the_set, {**name, **service}], profile))
    advice = advise(told(Story().history(), facts), broken("identity.dns"))
    assert [said in one for one in advice] == ([True] if said else [])


def test_an_index_that_changed_is_told_from_one_that_was_never_right():
    run = Story()
    label = "apps.kubernetes.io/pod-index"
    run.deploys()
    run.pods[0]["labels"] = {label: "0"}
    run.ops = [op for op in run.ops if op.what != "pod" or op.value["name"] != "ledger-0"]
    run.pod(0, "ADDED", labels={label: "0"})
    assert advise(run.history(), broken("identity.labels")) == ()
    run.pod(0, "MODIFIED", labels={label: "1"})
    (said,) = advise(run.history(), broken("identity.labels"))
    assert "right at first and changed later" in said


def test_claims_and_programs_of_a_set_are_facts_without_any_value_of_its_environment():
    assert declared("claims-deleted")["retention"] == {
        "whenDeleted": "Retain",
        "whenScaled": "Delete",
    }
    text = json.dumps(declared("config"))
    assert json.loads(text)["init"]
    assert "POD_NAME" not in text


def test_a_hook_before_the_end_is_a_fact_and_so_is_that_there_is_none():
    assert declared("ledger-parallel")["prestop"] == {"kind": "sleep", "seconds": 2}
    assert declared("ledger")["prestop"] == {"kind": "", "seconds": 0}


def test_a_subject_without_a_set_has_no_facts():
    profile = profiles.load("ledger", known=checks.CHECKS)
    assert profiles.facts([{"kind": "Deployment", "metadata": {"name": "x"}}], profile) == {}


def test_a_cause_that_cannot_be_looked_for_costs_no_verdict(monkeypatch):
    def failing(*_: object) -> tuple[str, ...]:
        raise ZeroDivisionError

    monkeypatch.setattr(checks, "advise", failing)
    run = history.read(RECORDED / "both-at-once.jsonl")
    (found,) = checks.judge(run, checks.chosen(["ordering.scale-down"]))
    assert (found.verdict, found.advice) == (Standing.BROKEN, ())


@pytest.fixture
def judged(tmp_path):
    """Give a run folder whose verdict is broken, with a cause that must be escaped everywhere."""
    folder = RunFolder.create(tmp_path, "parallel", 1)
    folder.save_plan(Plan("parallel", "s", "fast", 1, ("ordering.scale-down",), (), "c"))
    verdict = Verdict(
        "ordering.scale-down", Standing.BROKEN, "two at once", advice=("<b>it</b> | is *so*",)
    )
    folder.close_history()
    folder.save_verdicts([verdict])
    report.write(folder.path)
    return folder.path


def test_a_cause_stands_in_every_report_and_is_no_markup(judged):
    saved = json.loads((judged / "verdicts.json").read_text())
    schema = json.loads((carried("reports") / "schemas" / "verdicts.schema.json").read_text())
    jsonschema.validate(saved, schema)
    assert saved["verdicts"][0]["advice"] == ["<b>it</b> | is *so*"]
    page = (judged / "report.html").read_text()
    assert "likely cause" in page
    assert "&lt;b&gt;it&lt;/b&gt; | is *so*" in page
    assert r"likely cause: \<b\>it\</b\> \| is \*so\*" in (judged / "summary.md").read_text()
    assert "likely cause: &lt;b&gt;it" in (judged / "junit.xml").read_text()
