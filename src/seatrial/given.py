"""What members are given by ConfigMaps and Secrets, as a profile declares it, and how it is told.

May import: the standard library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

LIVE, RESTART, NEVER = "live", "restart", "never"
"""What a change of an object does to a setting: it is taken up by those that run, it is not before
a container is started anew, or there is none, because the object is immutable."""
PLURALS: Mapping[str, str] = {"configmap": "configmaps", "secret": "secrets"}
_DIGITS = 16
"""How many digits of a digest are enough to tell a value by."""


@dataclass(frozen=True)
class Setting:
    """One setting: the `key` of an object (configmap/NAME, secret/NAME) and what it is changed to.

    `changes` is LIVE, RESTART or NEVER.
    """

    of: str
    key: str
    to: str
    changes: str = LIVE


@dataclass(frozen=True)
class Given:
    """The settings by the names that members tell them by, and an argv that waits for one.

    `taken` runs in a member's container, with the setting's name, the digest of a value and
    seconds behind it: it ends once the member is given that value, and fails when it gives up.
    """

    taken: tuple[str, ...]
    settings: Mapping[str, Setting]

    def of(self, name: str) -> Mapping[str, Setting]:
        """Give the settings that one object gives."""
        return {key: one for key, one in self.settings.items() if one.of == name}


def digest(text: str) -> str:
    """Give the SHA-256 of a value without the white space around it, in hexadecimal digits."""
    return hashlib.sha256(text.strip().encode()).hexdigest()


def tells(told: str, wanted: str) -> bool:
    """Whether what a member tells is the value of this digest: in full, or by 16 digits of it."""
    known = len(told) >= _DIGITS and wanted.startswith(told)
    return known or digest(told) == wanted
