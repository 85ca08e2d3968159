"""What a killed node looks like to the observer, read from a History."""

from dataclasses import replace

from seatrial.bench import noticing
from seatrial.model import History, Op, Outcome

TAINT = "node.kubernetes.io/unreachable=:NoExecute"


def stage(at: float, name: str) -> Op:
    proof = {"node": "worker", "uid": "old"} if name == "receipt" else {}
    value = {"fault": "node-kill", "ordinal": 0, "stage": name, "proof": proof}
    return Op("fault/node-kill", "fault", Outcome.OK, at, at, value)


def node(at: float, *taints: str, name: str = "worker") -> Op:
    value = {"name": name, "event": "MODIFIED", "taints": list(taints)}
    return Op("observer", "node", Outcome.OK, at, at, value)


def pod(at: float, uid: str, *, due: str = "", ready: bool = False, event: str = "MODIFIED") -> Op:
    value = {"name": "ledger-0", "uid": uid, "due": due, "ready": ready, "event": event}
    return Op("observer", "pod", Outcome.OK, at, at, value)


def seen(*ops: Op) -> tuple[tuple[str, ...], float]:
    whole = (stage(1, "undo"), stage(2, "receipt"), *ops)
    numbered = tuple(replace(op, index=number) for number, op in enumerate(whole))
    return noticing.order(History(numbered), "ledger-0")


def test_a_member_is_given_up_when_it_is_told_to_go_and_each_step_is_told_once():
    told = seen(node(11, TAINT), node(12, TAINT), pod(14, "old", due="x"), pod(15, "old", due="x"))
    assert told == (("the node is tainted", "told to go"), 13)


def test_what_comes_after_it_is_told_in_its_order():
    told = seen(
        node(11, TAINT), pod(14, "old", due="x"), pod(20, "old", due="x", event="DELETED"),
        pod(21, "new"), pod(25, "new", ready=True),
    )  # fmt: skip
    assert told[0][2:] == ("gone", "made again", "serving again")


def test_another_order_is_another_answer():
    early = seen(pod(5, "old", due="x"), node(11, TAINT))
    assert early[0] == ("told to go", "the node is tainted")


def test_other_nodes_and_a_member_that_nobody_told_to_go_count_for_nothing():
    assert seen(node(11, TAINT, name="other"), pod(12, "old")) == ((), 0.0)
