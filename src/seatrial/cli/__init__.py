"""The command line: a doorway. It reads the call, hands it on, and turns what comes back into
words and an exit code: 0 holds, 1 broken, 2 unknown, 3 could not run, 4 wrong call, 5 not healed,
130 interrupted.
"""  # noqa: D205 - the codes belong to the sentence

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Annotated

import typer

from seatrial import __version__
from seatrial.cli import comparing, drill, ground, judging, measuring, mend, show, tables, trial
from seatrial.errors import BadInput, Interrupted, SeatrialError

_Usage: type[Exception] = typer.BadParameter.__mro__[1]
"""typer's own error of a wrong call; it has no public name."""

app = typer.Typer(
    name="seatrial",
    help="Puts a stateful workload on Kubernetes on trial, and gives a verdict you can trust.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `seatrial doctor`, then `seatrial certify ledger`.",
)
app.add_typer(ground.app, name="cluster")
COMMANDS: Mapping[str, Callable[..., int]] = {
    "doctor": ground.examine,
    "certify": trial.certify,
    "drill": drill.drill,
    "rogues": trial.rogues,
    "heal": mend.heal,
    "rejudge": judging.rejudge,
    "report": judging.write_report,
    "compare": comparing.compare,
    "bench": measuring.bench,
    "list": tables.listing,
    "explain": tables.explain,
}
for name, command in COMMANDS.items():
    app.command(name)(command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"seatrial {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""
    del version


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(called(sys.argv[1:] if argv is None else argv))


def called(argv: list[str]) -> int:
    """Run one call and give its exit code."""
    _heed_signals()
    as_json = "--json" in argv
    try:
        code = app(argv, standalone_mode=False)
    except _Usage as error:
        return _failed(_wrong_call(error), as_json=as_json)
    except SeatrialError as error:
        return _failed(error, as_json=as_json)
    except typer.Abort:
        code = Interrupted.exit_code
    if code == Interrupted.exit_code:
        stopped = Interrupted("to finish", seen="Ctrl-C or SIGTERM; what was made was put back")
        return _failed(stopped, as_json=as_json)
    return code if isinstance(code, int) else 0


def _wrong_call(error: BaseException) -> BadInput:
    context = getattr(error, "ctx", None)
    where = context.command_path if context else "seatrial"
    seen = error.format_message() if hasattr(error, "format_message") else str(error)
    options = context.command.get_params(context) if context else ()
    named = "unexpected extra" in seen and any(param.name == "name" for param in options)
    remedy = "the name of a cluster is an option: `--name NAME`" if named else ""
    return BadInput(f"a call that `{where} --help` shows", seen=seen or "no command", remedy=remedy)


def _failed(error: SeatrialError, *, as_json: bool) -> int:
    show.failure(error, as_json=as_json)
    return error.exit_code


def _heed_signals() -> None:
    """Let SIGTERM clean up as Ctrl-C does, and let a second one not disturb the cleaning up."""
    interrupted = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted:
            typer.echo("still putting things back; this does not take long", err=True)
            return
        interrupted = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
