"""A broken guarantee as whoever looks for its cause has it.

May import: model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.model import History, Verdict


@dataclass(frozen=True)
class Case:
    """A broken guarantee, what its run saw, and what the manifest declared (see profiles.facts)."""

    history: History
    verdict: Verdict
    declared: Mapping[str, Any]


Rule = Callable[[Case], Iterator[str]]
"""Gives the causes that it knows, each in a sentence."""
