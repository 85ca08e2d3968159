"""Tells the histories of the durability family's models, and writes them beside this file.

As tell.py does: `python tests/histories/tell_models.py`.
"""

from __future__ import annotations

from pathlib import Path

from seatrial import history
from seatrial.testing.agreeing import agreed

HERE = Path(__file__).parent
REGISTER, BANK, SESSION = (f"durability.{name}" for name in ("register", "bank", "session"))

TOLD = {
    "good/agreed": agreed(),
    # The member that is cut off answers reads from its own copy.
    "bad/stale-read": agreed(lax=True, breaks=[REGISTER, SESSION]),
    # Transfers write back a balance that another one has changed meanwhile.
    "bad/lost-update": agreed(hasty=True, breaks=[BANK]),
    # A read of all accounts sees half of one transfer.
    "bad/torn-read": agreed(torn=True, breaks=[BANK]),
}

if __name__ == "__main__":
    for name, tell in TOLD.items():
        history.write_whole(HERE / f"{name}.jsonl", map(history.line, tell().history().ops))
