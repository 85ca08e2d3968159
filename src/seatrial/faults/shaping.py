"""The emulator of slow lines in a pod's own network, put in and taken out by its node.

Source: tc-netem(8); not every kernel has it (CONFIG_NET_SCH_NETEM).
May import: model, machine, errors.
"""

from __future__ import annotations

from seatrial.errors import ToolFailed
from seatrial.machine import Node
from seatrial.model import Json

_LINE = ("dev", "eth0")
_EMULATOR = "netem"


def delayed(node: Node, container: str, milliseconds: int) -> str:
    """Delay all that a pod sends; gives the kernel's own word when it cannot, else nothing."""
    words = ("tc", "qdisc", "add", *_LINE, "root", _EMULATOR, "delay", f"{milliseconds}ms")
    try:
        node.within(container, words)
    except ToolFailed as error:
        return f"`{' '.join(words)}`: {error.seen}"
    return ""


def undone(node: Node, pod: Json) -> str:
    """Take the emulator out of a pod's network; `pod` has its namespace and uid.

    A pod that has ended took its network with it. Says what was done, nothing if there was none.
    """
    for one in node.running(pod["namespace"]):
        if one.uid == pod["uid"]:
            return f"the line of {one.pod} was slow by our word" if _sped_up(node, one.id) else ""
    return ""


def _sped_up(node: Node, container: str) -> bool:
    """Take the emulator out; whether there was one."""
    there = _EMULATOR in node.within(container, ("tc", "qdisc", "show", *_LINE))
    if there:
        node.within(container, ("tc", "qdisc", "del", *_LINE, "root"))
    return there
