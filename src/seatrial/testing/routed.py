"""Pods with real networks and no cluster: namespaces of this kernel, routed as a node routes them.

Pod n is namespace `pn` at 10.9.0.n. It needs the right to make namespaces.
May import: errors, faults.packets, testing.machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults.packets import Place
from seatrial.testing.machine import PaperNode

NFT = shutil.which("nft", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
"""Where the packet filter's program is; None when there is none."""
_NETWORKS = """set -e
mount -t tmpfs none /run
mkdir /run/netns
echo 1 > /proc/sys/net/ipv4/ip_forward
for n in %s; do
  ip netns add p$n
  ip link add v$n type veth peer name eth0 netns p$n
  ip link set v$n up
  ip addr add 10.9.0.254/32 dev v$n
  ip route add 10.9.0.$n dev v$n
  ip -n p$n addr add 10.9.0.$n/32 dev eth0
  ip -n p$n link set eth0 up
  ip -n p$n link set lo up
  ip -n p$n route add 10.9.0.254 dev eth0
  ip -n p$n route add default via 10.9.0.254
done
%s
echo ready
exec cat"""


@dataclass(frozen=True)
class Routed(PaperNode):
    """A machine of paper whose pods have real networks; `host` answers as an engine does."""

    host: Any = None

    def within(self, number: str, argv: Sequence[str]) -> str:
        """Run a program in a pod's namespace."""
        said: str = self.host.docker("exec", "n", "ip", "netns", "exec", number, *argv)
        return said


def placed(host: Any, number: int) -> Place:
    """Give a pod's network, as faults know it."""
    node: Any = Routed(Path(), f"p{number}", host=host)
    return Place(f"web-{number}", f"10.9.0.{number}", node, f"p{number}")


@contextmanager
def routing(
    unshared: Sequence[str], pods: int, more: str = ":", *words: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Lay the networks of so many pods and do `more` (a script, given `words`); gives the process.

    `unshared` are options of unshare(1) beside those for network and mounts. Raises CannotRun with
    what was said when it cannot be done here.
    """
    script = _NETWORKS % (" ".join(str(n + 1) for n in range(pods)), more)
    own = ["unshare", "--net", "--mount", "--propagation", "private", *unshared]
    argv = [*own, "bash", "-c", script, "bash", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe) as child:  # noqa: S603 - ours
        if not child.stdout or child.stdout.readline() != b"ready\n":
            said = child.stderr.read().decode() if child.stderr else ""
            raise CannotRun("namespaces of this kernel", seen=said)
        yield child
        if child.stdin:
            child.stdin.close()
