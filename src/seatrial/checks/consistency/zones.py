"""Zones: when each written value was in a register, and which two of them cannot be ordered.

Gibbons and Korach, "Testing Shared Memories" (SIAM J. Comput. 26, 1997), theorem 4.1: with unique
values a register is linearizable when no read precedes its write and no two values must each come
before the other. A zone spans the earliest end and the latest begin of all operations of one value;
it is forward when the end comes first. Two forward zones must not overlap, and no forward zone may
have a backward one inside. O(n log n), all keys at once.
May import: numpy and the standard library.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from seatrial.checks.consistency.names import Ints, Shorts
from seatrial.checks.consistency.rules import Floats

_BLOCK = 2**14
"""Places that are looked at together, or all of one key where those are more."""


@dataclass(frozen=True)
class Zones:
    """One zone a value, columns of shape (m,): its key, earliest end and latest begin in s.

    Those of one key stand together.
    """

    key: Shorts
    ended: Floats
    begun: Floats


def collision(zones: Zones) -> tuple[int, int] | None:
    """Give two zones of one key, each of which has to come before the other; None when none do.

    That is: of each an operation ended before one of the other began. The first is the one whose
    last operation began later. Of several pairs it is the one that showed first.

    >>> told = Zones(np.zeros(2, int), np.array([1.0, 2.0]), np.array([3.0, 1.5]))
    >>> collision(told)
    (0, 1)
    """
    parts = blocks(zones.key)
    # Whoever overlaps a neighbour may hide what lies inside both; then the neighbours suffice.
    pairs = np.concatenate([_overlapping(zones, some) for some in parts])
    if not len(pairs):
        pairs = np.concatenate([_inside(zones, some) for some in parts])
    if not len(pairs):
        return None
    one, other = pairs[np.argmin(zones.begun[pairs].max(axis=1))].tolist()
    return (one, other) if zones.begun[one] >= zones.begun[other] else (other, one)


def blocks(key: Shorts) -> list[slice]:
    """Part the places of keys (n,) that stand together into slices, those of one key never apart.

    What is made of a slice stays in the cache; what is made of a million at once does not.
    """
    ends = 1 + np.flatnonzero(key[1:] != key[:-1])
    after = np.searchsorted(ends, np.arange(_BLOCK, len(key), _BLOCK))
    cuts = [0, *np.unique(ends[after[after < len(ends)]]).tolist(), len(key)]
    return [slice(*pair) for pair in itertools.pairwise(cuts)]


def _overlapping(zones: Zones, part: slice) -> Ints:
    """Give the pairs of neighbours that overlap: when none do, no two forward zones do."""
    forward = part.start + np.flatnonzero(zones.ended[part] < zones.begun[part])
    order = forward[np.lexsort((zones.ended[forward], zones.key[forward]))]
    before, after = order[:-1], order[1:]
    bad = (zones.key[before] == zones.key[after]) & (zones.ended[after] < zones.begun[before])
    return np.stack((before[bad], after[bad]), axis=1)


def _inside(zones: Zones, part: slice) -> Ints:
    """Give the pairs of a forward zone and a backward one inside it; forward ones are disjoint."""
    is_forward = zones.ended[part] < zones.begun[part]
    forward, backward = (part.start + np.flatnonzero(some) for some in (is_forward, ~is_forward))
    both = np.concatenate((backward, forward))
    since = np.concatenate((zones.begun[backward], zones.ended[forward]))
    # Sorting is stable: of two at the same time the backward one comes first and is outside.
    order = np.lexsort((since, zones.key[both]))
    later = order >= len(backward)
    last = np.maximum.accumulate(np.where(later, np.arange(len(order)), -1))
    inner = np.flatnonzero(~later & (last >= 0))
    within, around = both[order[inner]], both[order[last[inner]]]
    bad = (zones.key[within] == zones.key[around]) & (zones.ended[within] < zones.begun[around])
    return np.stack((around[bad], within[bad]), axis=1)
