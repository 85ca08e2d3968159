"""How a workload is backed up and restored, as a profile declares.

May import: the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recovery:
    """How a profile is backed up and restored: argvs that run in a member's `container`.

    `back_up` makes a backup now and prints its line; `backups` prints the lines of all members'
    backups; `restored` prints what the last restore of that member brought. A line is a JSON
    object (docs/add-a-profile.md). Nothing of this is run where `records` names the group/version
    of the custom resources that tell the same (docs/recovery.md).
    """

    container: str = ""
    back_up: tuple[str, ...] = ()
    backups: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    records: str = ""
