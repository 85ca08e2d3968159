"""How a workload is backed up and restored, as a profile declares.

May import: the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recovery:
    """How a profile is backed up and restored: by an operator that meets docs/recovery.md.

    `records` is the group/version of its custom resources Backup and Restore.
    """

    records: str
