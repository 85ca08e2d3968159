"""A network of paper: packets between pods, dropped where a machine of paper says so.

It plays the programs that faults run in a pod's network (faults/walks.py), by their names.
May import: machine, errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.errors import ToolFailed
from seatrial.machine import Detour, Drop

_SNMP = "Udp: InDatagrams NoPorts InErrors\nUdp: 7 {} 0\n"
_TCP = "sl local_address rem_address st\n0: 00000000:{:04X} 00000000:0000 0A\n"
_ANSWER = 100
"""Bytes that a member answers a line with."""
_TIMED_OUT, _REFUSED = "124", "1"
_BURST = 16


@dataclass
class PaperNetwork:
    """`pods` are addresses by container id, `landed` the datagrams that came to each address.

    `rules` gives what all machines drop now, by machine/name, `dropped` counts it. `servers`
    answer queries for names. `late` is by how many milliseconds what an address sends is late,
    where the kernel `emulates`. Members answer at `port`, 0 for none; `detours` gives what all
    machines have answered late by a proxy, `through` counts its bytes. `lost` of each hundred
    packets are, whatever the rules say.
    """

    pods: dict[str, str] = field(default_factory=dict)
    rules: Callable[[], Mapping[str, Sequence[Drop]]] = dict
    landed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    servers: tuple[str, ...] = ("10.96.0.10",)
    late: Counter[str] = field(default_factory=Counter)
    emulates: bool = True
    port: int = 8080
    detours: Callable[[], Mapping[str, Detour]] = dict
    through: Counter[str] = field(default_factory=Counter)
    lost: int = 0

    def run(self, number: str, argv: Sequence[str]) -> str:
        """Play the program that `argv` names, in the network of a container."""
        here = self.pods[number]
        if argv[0] == "cat":
            return _SNMP.format(self.landed[here]) if "snmp" in argv[1] else self._listening()
        if argv[0] == "tc":
            return self._shape(here, argv)
        plays: dict[str, Callable[[str, Sequence[str]], str]] = {
            "shoot": self._shoot,
            "knock": self._knock,
            "query": self._query,
            "resolv": lambda *_: "".join(f"nameserver {one}\n" for one in self.servers),
            "exchange": self._exchange,
            "timed": lambda _, words: str(1000 * (1 + self.late[words[0]])),
        }
        return plays[argv[3]](here, argv[4:])

    def _shape(self, here: str, argv: Sequence[str]) -> str:
        if argv[2] == "add" and not self.emulates:
            raise ToolFailed(" ".join(argv), seen="Error: Specified qdisc kind is unknown.")
        if argv[2] == "show":
            return "qdisc netem 8001: root" if self.late[here] else "qdisc noqueue 0: root"
        self.late[here] = int(argv[-1].removesuffix("ms")) if argv[2] == "add" else 0
        return ""

    def _listening(self) -> str:
        return _TCP.format(self.port) if self.port else ""

    def _exchange(self, _: str, words: Sequence[str]) -> str:
        there, port, count = words[0], int(words[1]), int(words[3])
        if port != self.port:
            return ""
        late = self.late[there]
        for name, detour in self.detours().items():
            if detour.address == there and port in dict(detour.ports):
                late += detour.milliseconds
                self.through[name] += count * _ANSWER
        return f"{1000 * (1 + late)}\n" * count

    def _shoot(self, here: str, words: Sequence[str]) -> str:
        there, port, count, size = words[0], *map(int, words[1:])
        for number in range(count):
            gone = self._gone(here, there, port, (number, size)) or number % 100 < self.lost
            self.landed[there] += not gone
        return ""

    def _knock(self, here: str, words: Sequence[str]) -> str:
        there, port = words[0], int(words[1])
        gone = self._gone(here, there, port) or self._gone(there, here, 0)
        return _TIMED_OUT if gone else _REFUSED

    def _query(self, here: str, words: Sequence[str]) -> str:
        gone = self._gone(here, words[0], 53) or words[0] not in self.servers
        return "" if gone else "answered"

    def _gone(self, here: str, there: str, port: int, packet: tuple[int, int] = (0, 0)) -> bool:
        """Whether a packet is dropped; of a share every so-manieth, above a rate all but a few."""
        number, size = packet
        for name in self._hit(here, there, port):
            for drop in self.rules()[name]:
                if not _meets(drop, here, there, port) or number % 100 >= drop.share:
                    continue
                if drop.rate and number * size <= _BURST * 1000:
                    continue
                self.dropped[name] += 1
                return True
        return False

    def _hit(self, here: str, there: str, port: int) -> Iterator[str]:
        for name, drops in self.rules().items():
            if any(_meets(drop, here, there, port) for drop in drops):
                yield name


def _meets(drop: Drop, here: str, there: str, port: int) -> bool:
    sent = not drop.sources or here in drop.sources
    meant = not drop.targets or there in drop.targets
    return sent and meant and drop.port in (0, port)
