"""What the parts of a machine of paper ask of the machine: whether it runs, and what it remembers.

May import: the standard library.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class Remembering(ABC):
    """Has a memory that outlives the process that wrote it."""

    @abstractmethod
    def _demand_running(self) -> None:
        """Raise CannotRun unless the machine runs."""

    @abstractmethod
    def _kept(self) -> Any:
        """Give what the machine remembers."""

    @abstractmethod
    def _become(self, **changes: object) -> None:
        """Have it remember something else."""
