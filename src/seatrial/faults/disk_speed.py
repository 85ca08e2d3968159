"""A program for a pod: how fast two disks sync what is written, in turns; and a file that is kept.

It runs in the pod as `python3 -c`, so it holds no more than it needs. Sync-write latency is that
of one 4 KiB write together with its fsync; throughput that of 4 MiB written and synced once.
    measure CLAIM OWN   writes CLAIM/kept, measures both folders, prints one JSON object
    check CLAIM         prints the SHA-256 of CLAIM/kept
May import: the standard library.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import statistics
import sys
import time
from pathlib import Path

ROUNDS = 4
SECONDS = 0.1
"""How long one folder is written to in one round, for the latency."""
BLOCK, BULK = 4096, 4 << 20
_FEWEST = 3


def percentile(values: list[float], share: float) -> float:
    """Give the smallest value that at least this share of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def latencies(path: Path, seconds: float) -> list[float]:
    """Give the seconds of each write with its fsync, at least three."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    data, found, end = os.urandom(BLOCK), list[float](), time.monotonic() + seconds
    try:
        while time.monotonic() < end or len(found) < _FEWEST:
            began = time.monotonic()
            os.pwrite(handle, data, len(found) * BLOCK)
            os.fsync(handle)
            found.append(time.monotonic() - began)
    finally:
        os.close(handle)
    return found


def throughput(path: Path) -> float:
    """Give bytes a second of one large write with its fsync."""
    data = os.urandom(BULK)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    began = time.monotonic()
    try:
        done = 0
        while done < BULK:
            done += os.write(handle, data[done:])
        os.fsync(handle)
        return BULK / (time.monotonic() - began)
    finally:
        os.close(handle)


def measured(claim: Path, own: Path, rounds: int = ROUNDS, seconds: float = SECONDS) -> object:
    """Measure both folders, in each round the other one first: {claim, own}, each as `told`."""
    places = {"claim": claim, "own": own}
    every: dict[str, list[list[float]]] = {name: [] for name in places}
    bulk: dict[str, list[float]] = {name: [] for name in places}
    for number in range(rounds):
        for name in sorted(places, reverse=bool(number % 2)):
            path = places[name] / "scratch"
            every[name].append(latencies(path, seconds))
            bulk[name].append(throughput(path))
            path.unlink()
    return {name: told(every[name], bulk[name]) for name in places}


def told(rounds: list[list[float]], bulk: list[float]) -> dict[str, object]:
    """Sum one place up: {writes, p50, p99 (of all), rounds (the p50 of each), throughput (median)}.

    Seconds, and bytes a second.
    """
    every = [each for one in rounds for each in one]
    return {
        "writes": len(every),
        "p50": round(percentile(every, 0.5), 6),
        "p99": round(percentile(every, 0.99), 6),
        "rounds": [round(percentile(one, 0.5), 6) for one in rounds],
        "throughput": round(statistics.median(bulk)),
    }


def kept(claim: Path) -> str:
    """Write a file, on the disk when this returns; give its SHA-256."""
    with (claim / "kept").open("wb") as file:
        file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())
    return checked(claim)


def checked(claim: Path) -> str:
    """Give the SHA-256 of the file as it is read now."""
    return hashlib.sha256((claim / "kept").read_bytes()).hexdigest()


def main(words: list[str]) -> int:
    """Do one of the two."""
    if words[0] == "check":
        sys.stdout.write(checked(Path(words[1])))
        return 0
    claim, own = Path(words[1]), Path(words[2])
    json.dump({"kept": kept(claim), "rounds": measured(claim, own)}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
