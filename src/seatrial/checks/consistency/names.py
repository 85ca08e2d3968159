"""Keys and values as 64-bit integers: integers stand for themselves, all else gets a code.

Codes lie below every integer that a history may hold, so that the two never meet.
May import: errors, model, numpy and the standard library.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seatrial.errors import BadHistory
from seatrial.model import Json

Ints = npt.NDArray[np.int64]

NOTHING = -(2**63)
"""The code of null: what a register holds before anything was written."""

LEAST = -(2**62)
"""The least integer that stands for itself."""

_SHORT, _MOST = 2**15, 2**63 - 1


class Names:
    """Which code stands for which name; grows while a history is read.

    >>> names = Names()
    >>> names.codes(["x", 7, None]).tolist() == [NOTHING + 1, 7, NOTHING]
    True
    >>> names.name(NOTHING + 1), names.name(7), names.name(NOTHING)
    ('x', 7, None)
    """

    def __init__(self) -> None:
        self._names: list[str | None] = [None]
        self._codes: dict[str | None, int] = {None: NOTHING}

    def codes(self, names: Sequence[Json]) -> Ints:
        """Give an (n,) array of codes; raises BadHistory for what is no integer, text or null."""
        if set(map(type, names)) == {int}:
            return self._integers(names)
        return np.array([self.code(name) for name in names], np.int64)

    def code(self, name: Json) -> int:
        """Give one code; raises BadHistory for what is no integer, text or null."""
        if type(name) is int:
            return int(self._integers([name])[0])
        if name is not None and type(name) is not str:
            raise BadHistory("an integer, a text or null as a key or value", seen=repr(name))
        code = self._codes.get(name)
        if code is None:
            code = self._codes[name] = NOTHING + len(self._names)
            self._names.append(name)
        return code

    def name(self, code: int) -> int | str | None:
        """Give back what a code stands for."""
        return int(code) if code >= LEAST else self._names[int(code) - NOTHING]

    def names(self, codes: Ints) -> list[int | str | None]:
        """Give back what each code of an (n,) array stands for."""
        return [code if code >= LEAST else self._names[code - NOTHING] for code in codes.tolist()]

    def _integers(self, names: Sequence[int]) -> Ints:
        if min(names) < LEAST or max(names) >= -NOTHING:
            strange = next(name for name in names if not LEAST <= name < -NOTHING)
            raise BadHistory("an integer between -2^62 and 2^63", seen=str(strange))
        return np.fromiter(names, np.int64, len(names))


Shorts = npt.NDArray[np.int16] | Ints
"""Codes from 0 on, as short as they can be."""


def close(codes: Ints) -> Ints:
    """Bring codes (n,), n > 0, of names and integers together, with few unused in between.

    Integers farther apart than 64 bits can tell are numbered one by one, which takes longer.
    """
    named = codes < LEAST
    if named.all():
        return codes - np.int64(NOTHING)
    some = bool(named.any())
    above = int(codes[named].max()) - NOTHING + 1 if some else 0
    integers = codes[~named] if some else codes
    low = np.int64(integers.min())
    if int(integers.max()) - int(low) + above > _MOST:
        return np.unique(codes, return_inverse=True)[1]
    return np.where(named, codes - NOTHING, codes - low + above) if some else codes - low


def short(codes: Ints) -> Shorts:
    """Bring codes (n,), n > 0, together, as short integers where they fit.

    numpy sorts those by radix, ten times faster, when it is asked to sort stably.
    """
    low = codes.min()
    if int(codes.max()) - int(low) < _SHORT:
        # Both wrap around, so their difference is right; wide copies of a million cost more.
        near: Shorts = np.subtract(codes, low, dtype=np.int16)
        return near
    told = close(codes)
    return told.astype(np.int16) if told.max() < _SHORT else told
