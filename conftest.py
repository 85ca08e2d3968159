"""Facts of this checkout that pytest must know; no fixtures, they come with seatrial's plugin.

Subjects, grounds and answers hold code and data that is loaded by path, never collected.
May import: pytest.
"""

from __future__ import annotations

import pytest

collect_ignore_glob = ["clusters/*", "fixtures/*", "reports/*"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the README's commands last: the last of them takes the cluster down."""
    items.sort(key=lambda item: "readme" in item.path.parts)
