"""A child process: the one place that starts one.

Each child leads its own process group, so that Ctrl-C reaches us first and we end the child,
and no shell ever reads a string made from input.
May import: the standard library, errors and timing.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from seatrial.errors import NotReady, ToolFailed
from seatrial.timing import Limit, poll

_LAST_LINES = 12
_ENDED = {"Z", "X", "x"}
"""States of a process that runs no more and is only waited for (proc(5))."""
_STARTED = 19
"""Which word after its name is the start time in /proc/PID/stat (proc(5), field 22)."""


def pasteable(argv: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """Give the command as one line that a shell would run."""
    settings = [f"{name}={shlex.quote(value)}" for name, value in (env or {}).items()]
    return " ".join([*settings, shlex.join(argv)])


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes | Path | None = None,
    log: Path | None = None,
    limit: float | None = None,
) -> str:
    """Run `argv` to its end and return its standard output as text.

    `env` is added to our own environment. With `log` both outputs are appended to that file
    instead and the result is empty. `limit` is in seconds.
    Raises ToolFailed when the program is missing, exits with other than 0, or takes too long.
    """
    try:
        return _run(argv, env=env, cwd=cwd, stdin=stdin, log=log, limit=limit)
    except FileNotFoundError as error:
        raise ToolFailed(
            pasteable(argv, env),
            seen=f"no such file: {error.filename}",
            remedy="`seatrial doctor` says what is missing and how to get it",
        ) from None


def _run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None,
    cwd: Path | None,
    stdin: bytes | Path | None,
    log: Path | None,
    limit: float | None,
) -> str:
    with (
        _source(stdin) as source,
        _sink(log) as sink,
        subprocess.Popen(  # noqa: S603 - argv is a list; no shell reads it
            list(argv),
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdin=source,
            stdout=sink or subprocess.PIPE,
            stderr=subprocess.STDOUT if sink else subprocess.PIPE,
            start_new_session=True,
        ) as child,
    ):
        try:
            out, err = child.communicate(stdin if isinstance(stdin, bytes) else None, limit)
        except subprocess.TimeoutExpired:
            end(child)
            raise ToolFailed(pasteable(argv, env), seen=f"not done after {limit:g} s") from None
        except BaseException:
            end(child)
            raise
    if child.returncode:
        said = _tail(log) if log else _last(err or out)
        raise ToolFailed(pasteable(argv, env), seen=f"exit code {child.returncode}: {said}")
    return (out or b"").decode(errors="replace")


def through(argv: Sequence[str], *, env: Mapping[str, str], grace: float) -> int:
    """Run a program whose error output is ours, to its end; give its exit code.

    Interrupted, it is asked to stop and given `grace` seconds to put things back.
    """
    with subprocess.Popen(  # noqa: S603 - argv is a list; no shell reads it
        list(argv),
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
    ) as child:
        try:
            return child.wait()
        except BaseException:
            end(child, grace)
            raise


def detached(argv: Sequence[str], *, env: Mapping[str, str], log: Path) -> int:
    """Start a program that outlives us, in a session of its own; give its pid.

    It reads nothing and writes to `log`. `env` is added to our own environment. It holds no file
    of whoever called us: a lock or a pipe of theirs would stay for as long as it lives.
    """
    writing = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        argv[0],
        list(argv),
        {**os.environ, **env},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), writing, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *((os.POSIX_SPAWN_CLOSE, number) for number in _inherited()),
        ],
        setsid=True,
    )


def _inherited() -> Iterator[int]:
    for number in [int(file.name) for file in Path("/proc/self/fd").iterdir()]:
        with suppress(OSError):  # what read the list is in it
            if number > 2 and os.get_inheritable(number):  # noqa: PLR2004 - the standard three
                yield number


def attending(argv: Sequence[str], *, log: Path) -> subprocess.Popen[bytes]:
    """Start a program that outlives us and reads from us, in a session of its own.

    Whatever ends us closes its standard input; it writes to `log`.
    """
    with log.open("ab") as sink:
        return subprocess.Popen(  # noqa: S603 - argv is a list; no shell reads it
            list(argv), stdin=subprocess.PIPE, stdout=sink, stderr=sink, start_new_session=True
        )


@dataclass(frozen=True)
class Telling:
    """A program whose lines are read as it says them; it reads from us only that we have ended."""

    child: subprocess.Popen[bytes]

    def __iter__(self) -> Iterator[str]:
        """Give each line, without its end; there are no more once the program has ended."""
        with self.child.stdout or nullcontext(()) as said:
            for line in said:
                yield line.decode(errors="replace").rstrip("\n")

    def close(self) -> None:
        """End it, if it has not ended; whoever reads its lines gets what it had said."""
        if self.child.stdin and not self.child.stdin.closed:
            self.child.stdin.close()
        end(self.child)


def telling(argv: Sequence[str], *, env: Mapping[str, str], errors: bool = False) -> Telling:
    """Start a program that goes on telling; `env` is added to our own environment.

    Whatever ends us closes its standard input. With `errors` its error output is among the lines.
    Raises ToolFailed when it is missing.
    """
    try:
        child = subprocess.Popen(  # noqa: S603 - argv is a list; no shell reads it
            list(argv),
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors else subprocess.DEVNULL,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ToolFailed(pasteable(argv, env), seen=f"no such file: {error.filename}") from None
    return Telling(child)


def born(pid: int) -> int:
    """Say when a process of this machine started, in clock ticks since its boot.

    Together with the pid that names one process for ever; 0 when it has ended or never was.
    """
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return 0
    return 0 if words[0] in _ENDED else int(words[_STARTED])


def ended(pid: int) -> bool:
    """Whether a program that we started detached has ended; asked by the one that started it."""
    try:
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return True


@contextmanager
def together() -> Iterator[None]:
    """End the children that any thread started inside, when the body fails or is interrupted.

    Python interrupts the main thread alone; what the others wait for would go on to its end.
    """
    before = _children()
    try:
        yield
    except BaseException:
        for pid in _children() - before:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)
        raise


def _children() -> set[int]:
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text().split()}


def end(child: subprocess.Popen[bytes], grace: float = 10.0) -> None:
    """End a child and all it started: SIGTERM, then SIGKILL after `grace` seconds."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, sign)
        with suppress(NotReady):
            # The end of a grandchild sends us no event.
            poll(lambda: _running(child), Limit("children end", grace), every=0.01)
            return


def _running(child: subprocess.Popen[bytes]) -> str | None:
    left = [child.pid] if child.poll() is None else _members(child.pid)
    return f"{left} still run" if left else None


def _members(group: int) -> list[int]:
    """Give who of a process group still runs; its leader may have ended before the others."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):
            state, _, leader = stat.read_text().rsplit(")", 1)[1].split()[:3]
            if int(leader) == group and state not in _ENDED:
                found.append(int(stat.parent.name))
    return found


def _source(stdin: bytes | Path | None) -> AbstractContextManager[IO[bytes] | int]:
    if isinstance(stdin, Path):
        return stdin.open("rb")
    return nullcontext(subprocess.DEVNULL if stdin is None else subprocess.PIPE)


def _sink(log: Path | None) -> AbstractContextManager[IO[bytes] | None]:
    if log is None:
        return nullcontext()
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("ab")


def _tail(log: Path) -> str:
    return f"{_last(log.read_bytes()[-8000:])}\n(all of it: {log})"


def _last(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-_LAST_LINES:])
