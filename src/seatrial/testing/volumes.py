"""What stands between pods and volumes on a machine of paper (clusters/nodeimage/volume).

A container that starts while something is mounted sees it, one that ran before does not. `before`
of a mounted name are the latter.
May import: errors, testing.runtime.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.errors import ToolFailed
from seatrial.testing.runtime import PaperRuntime

Mounted = Mapping[str, Mapping[str, Any]]
"""What is mounted, by name: {mode, refused, before}; as the file of a machine has it."""

_REFUSALS = {
    "full": ("open", "ENOSPC"),
    "read-only": ("open", "EROFS"),
    "io-errors": ("write", "EIO"),
}
_MARK = 4096


def told(now: Mounted, runtime: PaperRuntime, words: Sequence[str]) -> tuple[Mounted, Any]:
    """Do what the words say: gives what is mounted then, and the answer."""
    plays = {"mount": _mount, "mode": _mode, "status": _status, "look": _look, "probe": _probe}
    plays |= {"refuse": _refuse, "drop": _drop, "unmount": _unmount}
    return plays[words[0]](now, runtime, words[1:])


def seeing(now: Mounted, runtime: PaperRuntime, name: str) -> list[str]:
    """Give the containers that have one of them mounted."""
    return [one for one in runtime.containers if one not in now[name]["before"]]


def _mount(now: Mounted, runtime: PaperRuntime, words: Sequence[str]) -> tuple[Mounted, Any]:
    name, pid, path = words
    if name in now:
        return now, _report(now, runtime, name)
    if not runtime.of(int(pid)):
        raise ToolFailed("seatrial-volume", seen=f"process {pid} has no volume mounted at {path}")
    fresh = {"mode": "normal", "refused": {}, "before": [*runtime.containers]}
    then = {**now, name: fresh}
    return then, _report(then, runtime, name)


def _mode(now: Mounted, runtime: PaperRuntime, words: Sequence[str]) -> tuple[Mounted, Any]:
    name, mode = words[:2]
    if name not in now:
        raise ToolFailed("seatrial-volume", seen="no such file or directory")
    then = {**now, name: {**now[name], "mode": mode, "refused": {}}}
    return then, _report(then, runtime, name)


def _status(now: Mounted, runtime: PaperRuntime, words: Sequence[str]) -> tuple[Mounted, Any]:
    names = [name for name in now if not words or words[0] == name]
    return now, [_report(now, runtime, name) for name in names]


def _look(now: Mounted, runtime: PaperRuntime, words: Sequence[str]) -> tuple[Mounted, Any]:
    number = runtime.of(int(words[0]))
    if not number:
        raise ToolFailed("seatrial-volume", seen=f"/proc/{words[0]}/mountinfo: no such file")
    for name in now:
        if number in seeing(now, runtime, name):
            return now, {"kind": "fuse.seatrial", "source": name, "ours": name}
    return now, {"kind": "ext4", "source": "/dev/sda", "ours": ""}


def _probe(now: Mounted, runtime: PaperRuntime, words: Sequence[str]) -> tuple[Mounted, Any]:
    name = _look(now, runtime, words)[1]["ours"]
    if not name or now[name]["mode"] not in _REFUSALS:
        return now, {"call": "", "errno": ""}
    call, errno = _REFUSALS[now[name]["mode"]]
    refused = now[name]["refused"]
    more = {**refused, errno: refused.get(errno, 0) + 1}
    return {**now, name: {**now[name], "refused": more}}, {"call": call, "errno": errno}


def _refuse(now: Mounted, runtime: PaperRuntime, words: Sequence[str]) -> tuple[Mounted, Any]:
    name, mode, pid, path = words
    seen = _look(now, runtime, (pid, path))[1]
    then, tried = _probe(_mode(now, runtime, (name, mode))[0], runtime, (pid, path))
    return then, {"mount": seen, "tried": tried, "refused": then[name]["refused"]}


def _drop(now: Mounted, runtime: PaperRuntime, words: Sequence[str]) -> tuple[Mounted, Any]:
    if now[words[0]]["mode"] != "unsynced":
        raise ToolFailed("seatrial-volume", seen="nothing was remembered")
    then, (one,) = _unmount(now, runtime, words[:1])
    lost = {"dropped": runtime.lost(), "synced": 7}
    return then, {**one, **lost, "kept": _MARK, "gone": 0}


def _unmount(now: Mounted, runtime: PaperRuntime, words: Sequence[str]) -> tuple[Mounted, Any]:
    found = []
    for name in [name for name in now if not words or words[0] == name]:
        seen = seeing(now, runtime, name)
        found.append({"name": name, "folders": ["/volume"], "ended": [*map(runtime.pid, seen)]})
        now = {other: now[other] for other in now if other != name}
        for number in seen:
            runtime.ends(number)
    return now, found


def _report(now: Mounted, runtime: PaperRuntime, name: str) -> Mapping[str, Any]:
    seen = [*map(runtime.pid, seeing(now, runtime, name))]
    unsynced = {"files": 1, "bytes": 10} if now[name]["mode"] == "unsynced" else {}
    known = {"mode": now[name]["mode"], "refused": now[name]["refused"]}
    written = {"unsynced": unsynced or {"files": 0, "bytes": 0}, "synced": 1}
    return {"name": name, "server": True, "folders": ["/volume"], "seen": seen, **known, **written}
