"""Rows of the table of faults: what is done to a member's disk.

May import: faults.*.
"""

from __future__ import annotations

from seatrial.faults import disk_refusals, disk_unsynced
from seatrial.faults.row import Fault

_DISK = {
    "kind": "can, a worker; the member is started again, on a file system of ours, and back",
    "existing": "cannot: its machines are not ours to mount anything in",
}

OF_DISKS = (
    Fault(
        "disk-full",
        "the member's disk is full: nothing on it grows (ENOSPC), what is there can be read, "
        "written over and removed",
        "https://man7.org/linux/man-pages/man3/errno.3.html",
        disk_refusals.inject_full,
        _DISK,
        disk_refusals.undo,
    ),
    Fault(
        "disk-read-only",
        "the member's disk went read-only (EROFS), as a file system does after an error",
        "https://man7.org/linux/man-pages/man5/ext4.5.html",
        disk_refusals.inject_read_only,
        _DISK,
        disk_refusals.undo,
    ),
    Fault(
        "disk-io-errors",
        "every read, write and sync of the member's disk fails (EIO)",
        "https://www.usenix.org/conference/fast17/technical-sessions/presentation/ganesan",
        disk_refusals.inject_io_errors,
        _DISK,
        disk_refusals.undo,
    ),
    Fault(
        "disk-unsynced-loss",
        "the member's process ends, and what it wrote and did not sync is gone, as in a power cut",
        "https://man7.org/linux/man-pages/man2/fsync.2.html",
        disk_unsynced.inject,
        _DISK,
        disk_unsynced.undo,
    ),
)
