"""Another thing in the place of one of ours for a while: how a measurement gets between.

May import: the standard library. (unittest.mock would bring asyncio into every start.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def swapped(owner: object, name: str, other: object) -> Iterator[None]:
    """Let an attribute of a module or class be another one while the body runs."""
    before = getattr(owner, name)
    setattr(owner, name, other)
    try:
        yield
    finally:
        setattr(owner, name, before)
