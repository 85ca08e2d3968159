"""Facts of this checkout that pytest must know; no fixtures, they come with seatrial's plugin.

Subjects, grounds and answers hold code and data that is loaded by path, never collected.
May import: the standard library.
"""

from __future__ import annotations

collect_ignore_glob = ["clusters/*", "fixtures/*", "reports/*"]
