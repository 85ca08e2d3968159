"""The driver: writes to every member, asks for their names, and keeps what it saw on its disk.

Runs inside the cluster, alone with Python's standard library; seatrial.load.driving starts it and
collects what it spooled. Reads DRIVER_JOB, DRIVER_CLIENT, DRIVER_CALLS and DRIVER_LOAD (the last
three may be empty), DRIVER_SPOOL, DRIVER_PORT (0: any; it prints which). SIGTERM ends it.
May import: the standard library, and the files beside it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic

from answering import Desk, Handler, Server
from board import Board
from calling import Booth, callers
from contract import Client, Job, calling, client, job
from counting import look
from modelling import modellers
from naming import Asker
from reading import Readings
from spool import Spool
from swarm import Swarm, hatched
from writing import Place, writers


def prepared() -> Desk:
    """Read what is to be done; raises OSError or ValueError when that cannot be."""
    todo = job(Path(os.environ.get("DRIVER_JOB", "/job/job.json")))
    file = os.environ.get("DRIVER_CLIENT", "")
    code = client(Path(file), todo.models) if file else None
    spool = Spool(Path(os.environ.get("DRIVER_SPOOL", "/spool")))
    boot = str(uuid.uuid4())
    boots = spool.booted(boot, monotonic())
    board = Board([member.ordinal for member in todo.members], todo.models)
    desk = Desk(boot, boots, spool, board, Readings(code, todo, spool))
    desk.writing.extend(map(_thread, _writing(todo, code, desk)))
    desk.writing.extend(map(_thread, _visiting(todo, desk)))
    if booth := _booth(todo, desk):
        desk.writing.extend(_thread(caller.run) for caller in callers(booth))
        desk = replace(desk, look=partial(look, booth))
    desk.asking.extend(map(_thread, _asking(todo, desk)))
    return desk


def _thread(run: Callable[[], None]) -> threading.Thread:
    return threading.Thread(target=run, daemon=True)


def _writing(todo: Job, code: Client | None, desk: Desk) -> list[Callable[[], None]]:
    if code is None:
        return []
    place = Place(code, todo, desk.spool, desk.board, desk.rested)
    writing = [writer.run for writer in writers(place, desk.boots)]
    return writing + [modeller.run for modeller in modellers(place, desk.boots)]


def _visiting(todo: Job, desk: Desk) -> list[Callable[[], None]]:
    file = os.environ.get("DRIVER_LOAD", "")
    if todo.visits is None or not file:
        return []
    told = hatched(todo.visits, todo.run, desk.spool)
    return [Swarm(Path(file), told, desk.spool, desk.board, desk.rested).run]


def _booth(todo: Job, desk: Desk) -> Booth | None:
    file = os.environ.get("DRIVER_CALLS", "")
    if todo.calls is None or not file:
        return None
    return Booth(calling(Path(file)), todo.calls, desk.spool, desk.board, desk.rested)


def _asking(todo: Job, desk: Desk) -> list[Callable[[], None]]:
    return [Asker(s, todo, desk.spool, desk.board, desk.stop).run for s in todo.servers]


def serve(desk: Desk, server: Server) -> None:
    """Work until SIGTERM or SIGINT; what was not yet told of a run of answers is told then."""
    over = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: over.set())
    for thread in (*desk.writing, *desk.asking):
        thread.start()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(json.dumps({"listening": server.server_address[1], "boot": desk.boot}), flush=True)
    over.wait()
    desk.finish({})


def main() -> int:
    """Work, or say in one line why that cannot be."""
    try:
        desk = prepared()
        port = int(os.environ.get("DRIVER_PORT", "8080"))
        server = Server(("", port), type("Bound", (Handler,), {"desk": desk}))
    except (OSError, ValueError, OverflowError) as error:
        print(f"cannot drive: {error}", file=sys.stderr)
        return 1
    serve(desk, server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
