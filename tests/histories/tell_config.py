"""Tells histories of the config family, good and bad, beside this file.

As tell.py does: `python tests/histories/tell_config.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seatrial import history
from seatrial.testing import Story
from seatrial.testing.configuring import (
    GIVEN,
    all_tell,
    declares,
    given_anew,
    outage,
    tells_config,
)

HERE = Path(__file__).parent


def begun(fault: str, breaks: str = "") -> Story:
    run = Story({fault: [0]}, breaks=[breaks] if breaks else [])
    run.deploys()
    run.phase("fault")
    return run


def centre_away() -> Story:
    """A member starts on its copy, all run on, and all take up what was changed."""
    run = begun("centre-down")
    outage(run)
    return run


def centre_missed() -> Story:
    """A member keeps no copy: it has nothing to start with."""
    run = begun("centre-down", "config.center")
    outage(run, starts=False, meanwhile={"source": "none", "release": ""})
    return run


def change_missed() -> Story:
    """A member starts on its copy, and stays with it when the centre is back."""
    run = begun("centre-down", "config.center")
    outage(run, takes=[1, 2])
    return run


def settings_kept() -> Story:
    """Whoever comes is given what was given before."""
    run = begun("pod-delete")
    all_tell(run)
    run.drifts("pod-delete", 0)
    all_tell(run)
    return run


def written_by_hand() -> Story:
    """A file that was written into a container's own layer went with it."""
    run = begun("pod-delete", "config.survives-drift")
    for member in run.members:
        own = {**GIVEN, "own": f"id = {member}"}
        red = {**own, "file": "colour = red"}
        tells_config(run, member, settings=own if member else red)
    run.drifts("pod-delete", 0)
    all_tell(run)
    return run


def anew(breaks: str = "") -> Story:
    run = begun("config-change", breaks)
    declares(run)
    return run


def settings_changed() -> Story:
    """Files are taken up, variables stay, and what is immutable refuses."""
    run = anew()
    given_anew(run)
    return run


def mount_frozen() -> Story:
    """A file that is called live is mounted by subPath: nobody is ever given the change."""
    run = anew("config.propagates")
    given_anew(run, late=run.members, meanwhile={"file": "colour = blue"})
    return run


def variable_changed() -> Story:
    """What is to stay until a restart is another one in the same container."""
    run = anew("config.propagates")
    given_anew(run, meanwhile={"variable": "debug"}, only=[1])
    return run


def sealed_edited() -> Story:
    """What is called immutable is not: whoever edits it changes it in place."""
    run = anew("config.immutable")
    given_anew(run, objects={"configmap/sealed": {"changed": True, "immutable": False}})
    return run


TOLD: dict[str, Callable[[], Story]] = {
    "good/centre-away": centre_away,
    "bad/centre-missed": centre_missed,
    "bad/change-missed": change_missed,
    "good/settings-kept": settings_kept,
    "bad/written-by-hand": written_by_hand,
    "good/settings-changed": settings_changed,
    "bad/mount-frozen": mount_frozen,
    "bad/variable-changed": variable_changed,
    "bad/sealed-edited": sealed_edited,
}

if __name__ == "__main__":
    for name, tell in TOLD.items():
        history.write_whole(HERE / f"{name}.jsonl", map(history.line, tell().history().ops))
