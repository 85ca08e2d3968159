"""The configuration centre against clients that others wrote for Apollo, where they are installed.

They are no dependency of ours: `pip install apollo-config-client apollo-client` beside the tests.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seatrial.places import carried
from seatrial.testing.served import Served, served

CENTRE = carried("fixtures") / "config" / "centre" / "centre.py"
SERVE = [sys.executable, "-B", "-u", str(CENTRE), "serve"]
RELEASES = "/apps/ledger/clusters/default/namespaces/application/releases"


@contextmanager
def centre(folder: Path, port: int = 0) -> Iterator[Served]:
    env = {"CENTRE_DATA": str(folder), "CENTRE_PORT": str(port), "CENTRE_HOLD": "5"}
    with served(SERVE, env) as found:
        publish(found, colour="green")
        yield found


def publish(found: Served, **values: str) -> None:
    status, _ = found.ask(RELEASES, {"configurations": values})
    assert status == 200


def test_a_client_of_the_configs_api_reads_is_pushed_to_and_starts_from_its_cache(tmp_path):
    apollo = pytest.importorskip("apollo_config.client", reason="apollo-config-client, see above")
    pushed = threading.Event()
    told: list[Any] = []

    def changed(*what: Any) -> None:
        told.append(what)
        pushed.set()

    def client() -> Any:
        url, cache = f"http://127.0.0.1:{port}", str(tmp_path / "cache")
        return apollo.ApolloClient("ledger", url, cache_dir=cache, poll_timeout=7)

    (tmp_path / "centre").mkdir()
    with centre(tmp_path / "centre") as found:
        port = found.port
        one = client()
        one.start()
        assert one.get_configs() == {"colour": "green"}
        one.register_callback(changed)
        publish(found, colour="red")
        assert pushed.wait(20)
        assert told == [("application", {"colour": {"old": "green", "new": "red"}})]
        one._running = False
        found.process.send_signal(signal.SIGTERM)
        found.process.wait(10)
    again = client()
    again.start()
    again._running = False
    assert again.get_configs() == {"colour": "red"}


def test_a_client_of_the_admin_api_reads_what_holds(tmp_path):
    apollo = pytest.importorskip("pyapollo.apollo_client", reason="apollo-client, see above")
    (tmp_path / "centre").mkdir()
    with centre(tmp_path / "centre") as found:
        one = apollo.ApolloClient(
            app_id="ledger",
            config_server_url=f"http://127.0.0.1:{found.port}",
            cache_file_path=str(tmp_path / "cache"),
            ip="127.0.0.1",
            cycle_time=1000,
        )
        assert one.get_value("colour") == "green"
    (cache,) = (tmp_path / "cache").iterdir()
    assert "green" in json.loads(cache.read_text())
