# ruff: noqa: INP001 - it is mounted into pods and never imported
"""Runs on every node of a cluster and proves that the node can be worked with.

`node` resolves a name through cluster DNS and calls a Service until another node answers, then
says so on port 8080: /ready for the kubelet, /report for seatrial. `write` and `read` put a word
on a claim's volume and find it again; `find` finds any word there, from another node.
Standard library only: the image holds python3 and no more.
"""

from __future__ import annotations

import http.server
import json
import os
import secrets
import socket
import struct
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

PORT = 8080
DNS_PORT = 53
PAUSE = 0.1
NODE = os.environ.get("NODE", "")
SERVICE = os.environ.get("SERVICE", "")
ALONE = os.environ.get("ALONE") == "true"
STATE: dict[str, Any] = {"node": NODE, "done": False, "trouble": "not begun"}
BEGUN = time.monotonic()


def main() -> None:
    """Do what the first argument names."""
    tasks: dict[str, Callable[..., object]]
    tasks = {"node": node, "write": write, "read": read, "find": find}
    tasks[sys.argv[1]](*sys.argv[2:])


def node() -> None:
    """Prove DNS, then the way to another node, then stay to be asked."""
    server = http.server.ThreadingHTTPServer(("", PORT), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    STATE["address"] = insist("DNS", lambda: socket.gethostbyname(SERVICE))
    STATE["answered_by"] = insist("a Service across nodes", other_node)
    STATE["done"] = True
    say(f"proved node {NODE}: {json.dumps(STATE)}")
    threading.Event().wait()


def insist(part: str, attempt: Callable[[], str]) -> str:
    """Try until it works; whenever the reason why not changes, say it."""
    while True:
        try:
            found = attempt()
        except OSError as error:
            trouble = f"{part} from node {NODE}: wanted {SERVICE}, seen {error}"
            if trouble != STATE["trouble"]:
                STATE["trouble"] = trouble
                say(trouble)
            time.sleep(PAUSE)
        else:
            STATE[f"{part} seconds"] = round(time.monotonic() - BEGUN, 2)
            STATE["trouble"] = ""
            return found


def other_node() -> str:
    """Ask the Service who answers; only another node will do, unless there is none."""
    with urllib.request.urlopen(f"http://{SERVICE}:{PORT}/node", timeout=1) as answer:
        name = str(answer.read().decode())
    if name == NODE and not ALONE:
        raise OSError("only this node itself answered")
    return name


def ask(server: str, name: str) -> float:
    """Resolve a name by one DNS server, without any resolver between; give the seconds."""
    begun, number = time.monotonic(), secrets.randbelow(1 << 16)
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    query = struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + question + struct.pack(">2H", 1, 1)
    with socket.socket(
        socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM
    ) as s:
        s.settimeout(1)
        s.connect((server, DNS_PORT))
        s.send(query)
        got, flags, _, answers = struct.unpack(">4H", s.recv(4096)[:8])
    if got != number or flags & 15 or not answers:
        raise OSError(f"code {flags & 15} with {answers} answers")
    return round(time.monotonic() - begun, 3)


def ask_each(servers: Iterable[str]) -> dict[str, float | str]:
    """Ask every DNS server, each up to three times: UDP may lose a packet."""
    domain = search_domain()
    name = f"{SERVICE.removesuffix('.svc')}.svc{domain}"
    found: dict[str, float | str] = {}
    for server in servers:
        for _ in range(3):
            try:
                found[server] = ask(server, name)
                break
            except OSError as error:
                found[server] = f"{type(error).__name__}: {error}"
    return found


def search_domain() -> str:
    """Give what follows `svc` in this cluster's names, from the resolver's search list."""
    for line in Path("/etc/resolv.conf").read_text().splitlines():
        for word in line.split()[1:]:
            if line.startswith("search") and ".svc." in word:
                return "." + word.split(".svc.", 1)[1]
    return ".cluster.local"


class Answers(http.server.BaseHTTPRequestHandler):
    """The three pages."""

    def do_GET(self) -> None:
        """Answer /node, /ready or /report?servers=a,b."""
        page = urllib.parse.urlsplit(self.path)
        if page.path == "/node":
            self.reply(200, NODE)
        elif page.path == "/ready":
            self.reply(200 if STATE["done"] else 503, STATE["trouble"])
        else:
            named = urllib.parse.parse_qs(page.query).get("servers", [""])[0].split(",")
            asked = ask_each(server for server in named if server)
            self.reply(200, json.dumps({**STATE, "servers": asked}))

    def reply(self, code: int, text: str) -> None:
        """Send one short text."""
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Keep the log for what matters."""


def write(path: str, word: str) -> None:
    """Put a word on the volume and on its disk, whole or not at all."""
    part = Path(f"{path}.part")
    with part.open("w") as file:
        file.write(word)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def read(path: str, word: str) -> None:
    """Find the word that another container puts there."""
    seen = find(path)
    if seen != word:
        sys.exit(f"a claim: wanted {word!r} in {path}, seen {seen!r}")


def find(path: str) -> str:
    """Find what anybody puts there; its directory is new with its claim."""
    while not Path(path).exists():
        time.sleep(PAUSE)
    return Path(path).read_text()


def say(text: str) -> None:
    """Write a line to the log at once."""
    print(text, flush=True)  # noqa: T201 - the pod's log is where seatrial reads it


if __name__ == "__main__":
    main()
