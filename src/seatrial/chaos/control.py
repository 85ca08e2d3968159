"""The control that begins and ends the trial around an experiment; its hooks are Chaos Toolkit's.

Chaos Toolkit swallows what a hook raises, so an error goes into the result and, where the
experiment must not begin, out as InterruptExecution.
Source: chaostoolkit.org, "Extending Chaos Toolkit: controls".
A doorway: may import everything.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from chaoslib.exceptions import InterruptExecution

from seatrial.chaos.account import failure
from seatrial.chaos.drilling import RESULT
from seatrial.chaos.session import KEY, Session, opened
from seatrial.errors import SeatrialError

_METHOD = "seatrial-method"
"""Where in the configuration it says that the method is under way."""


def before_experiment_control(
    context: MutableMapping[str, Any], configuration: MutableMapping[str, Any]
) -> None:
    """Bring up the ground, deploy the profile, begin to watch and to write."""
    try:
        configuration[KEY] = opened(context, configuration)
    except SeatrialError as error:
        _tell({"error": str(error), "exit_code": error.exit_code})
        raise InterruptExecution(str(error)) from error
    except Exception as error:
        # Swallowed, it would let the method run with no trial around it.
        _tell({"error": _traced(error), "exit_code": SeatrialError.exit_code})
        raise InterruptExecution(repr(error)) from error


def before_method_control(
    context: MutableMapping[str, Any], configuration: MutableMapping[str, Any]
) -> None:
    """Begin to heed how activities end."""
    del context
    configuration[_METHOD] = True


def before_activity_control(
    context: MutableMapping[str, Any], configuration: MutableMapping[str, Any]
) -> None:
    """Show which step of the drill begins."""
    if session := configuration.get(KEY):
        session.watch.begin(str(context.get("name", "")))


def after_activity_control(
    context: MutableMapping[str, Any],
    state: MutableMapping[str, Any],
    configuration: MutableMapping[str, Any],
) -> None:
    """Go straight to the rollbacks once an activity of the method has failed.

    Chaos Toolkit would go on: lose the node whose backup could not be made.
    """
    del context
    if configuration.get(_METHOD) and state.get("status") != "succeeded":
        raise InterruptExecution(f"the drill stops: {failure(state)}")


def after_method_control(
    context: MutableMapping[str, Any], configuration: MutableMapping[str, Any]
) -> None:
    """Heed them no more: every rollback is tried."""
    del context
    configuration.pop(_METHOD, None)


def after_experiment_control(
    context: MutableMapping[str, Any],
    state: MutableMapping[str, Any],
    configuration: MutableMapping[str, Any],
) -> None:
    """Heal, read everything once more, close the History, judge, and clean up."""
    del context
    session: Session | None = configuration.pop(KEY, None)
    if session is None:
        return
    try:
        trial = session.finished(state)
    except SeatrialError as error:
        _tell({"error": str(error), "exit_code": error.exit_code, "folder": str(session.folder)})
    except Exception as error:  # noqa: BLE001 - Chaos Toolkit would swallow it without a word
        folder = str(session.folder)
        _tell({"error": _traced(error), "exit_code": SeatrialError.exit_code, "folder": folder})
    else:
        _tell({"folder": str(trial.folder), "exit_code": trial.standing.exit_code})


def _traced(error: Exception) -> str:
    return "".join(traceback.format_exception(error))


def _tell(result: dict[str, Any]) -> None:
    target = os.environ.get(RESULT)
    if target:
        Path(target).write_text(json.dumps(result))
    else:
        sys.stderr.write(f"{result.get('error') or result['folder']}\n")
