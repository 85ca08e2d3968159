"""A cluster that we did not make: named in full, looked at, and never harmed beyond what was named.

A small web server stands in for the API server.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial import cluster
from seatrial.cluster import Allowed, Spec, records
from seatrial.cluster.existing import only
from seatrial.errors import BadInput, CannotRun, NotOurs
from seatrial.progress import Quiet

NODE = {
    "metadata": {"name": "theirs-1", "labels": {"node-role.kubernetes.io/control-plane": ""}},
    "spec": {},
}
ANSWERS: Mapping[str, Any] = {
    "/version": {"gitVersion": "v1.33.1"},
    "/api/v1/nodes": {"items": [NODE]},
    "/api/v1/namespaces": {"items": [{"metadata": {"name": "shop"}}]},
}


class Api(BaseHTTPRequestHandler):
    """Answers three reads, or refuses all with one code."""

    refuse = 0

    def do_GET(self) -> None:
        self.send_response(self.refuse or 200)
        self.end_headers()
        self.wfile.write(
            json.dumps({"message": "no"} if self.refuse else ANSWERS[self.path]).encode()
        )

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def api(monkeypatch) -> Iterator[str]:
    monkeypatch.setattr(Api, "refuse", 0)
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch, api: str) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(_config(api)))
    return path


def _config(server: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "production",
        "clusters": [
            {"name": "c", "cluster": {"server": server}},
            {"name": "away", "cluster": {"server": "http://127.0.0.1:9"}},
        ],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "contexts": [
            {"name": "production", "context": {"cluster": "c", "user": "u"}},
            {"name": "staging", "context": {"cluster": "c", "user": "u"}},
            {"name": "gone", "context": {"cluster": "away", "user": "u"}},
        ],
    }


def _up(allowed: Allowed | None) -> cluster.Cluster:
    return cluster.up(Spec("shop", provider="existing", allowed=allowed), Quiet())


@pytest.mark.usefixtures("theirs")
def test_the_current_context_is_never_taken_silently():
    with pytest.raises(BadInput, match="named in full"):
        _up(None)


@pytest.mark.parametrize("name", ["stag", "Staging", "", "staging "])
def test_a_context_is_named_in_full_or_not_at_all(theirs, name):
    with pytest.raises(BadInput, match=r"contexts gone, production, staging"):
        _up(Allowed(name, theirs))
    assert records.names() == []


def test_it_is_looked_at_and_only_its_own_context_is_kept(theirs):
    found = _up(Allowed("staging", theirs))
    assert (found.kubernetes, found.context) == ("v1.33.1", "staging")
    assert [(node.name, node.role) for node in found.nodes] == [("theirs-1", "control-plane")]
    kept = yaml.safe_load(found.kubeconfig.read_text())
    assert kept["current-context"] == "staging"
    assert len(kept["contexts"]) == 1
    assert found.kubeconfig.stat().st_mode & 0o077 == 0


def test_without_leave_for_its_namespace_the_proof_is_skipped_and_says_so(theirs):
    assert "seatrial-proof" in _up(Allowed("staging", theirs)).facts["proof"]["skipped"]


@pytest.mark.parametrize(
    ("allowed", "said"),
    [({"nodes": ("theirs-2",)}, "nodes theirs-1"), ({"namespaces": ("sho",)}, "namespaces shop")],
)
def test_a_node_or_namespace_that_is_not_there_cannot_be_allowed(theirs, allowed, said):
    with pytest.raises(BadInput, match=said):
        _up(Allowed("staging", theirs, **allowed))


def test_only_what_was_named_may_be_harmed(theirs):
    found = _up(Allowed("staging", theirs, namespaces=("shop",), nodes=("theirs-1",)))
    found.demand(namespace="shop", node="theirs-1")
    with pytest.raises(NotOurs, match="namespace other of staging"):
        found.demand(namespace="other")
    with pytest.raises(NotOurs, match="namespaces named: none"):
        _up(Allowed("staging", theirs)).demand(namespace="shop")


@pytest.mark.parametrize(("code", "said"), [(401, "may have expired"), (403, "forbids it")])
def test_credentials_that_are_refused_give_a_sentence(theirs, monkeypatch, code, said):
    monkeypatch.setattr(Api, "refuse", code)
    with pytest.raises(CannotRun, match=said):
        _up(Allowed("staging", theirs))
    assert records.names() == []


def test_a_server_that_does_not_answer_gives_a_sentence(theirs):
    with pytest.raises(CannotRun, match=r"no answer from http://127\.0\.0\.1:9"):
        _up(Allowed("gone", theirs))


def test_down_forgets_it_and_touches_nothing(theirs):
    _up(Allowed("staging", theirs))
    assert cluster.clusters()[0].state == "healthy"
    assert cluster.down("shop", Quiet())
    assert not cluster.down("shop", Quiet())
    assert theirs.exists()


def test_a_kubeconfig_that_is_not_there_gives_a_sentence(tmp_path):
    with pytest.raises(BadInput, match="a kubeconfig at"):
        only(tmp_path / "none", "staging")


def test_files_that_a_kubeconfig_names_are_found_from_elsewhere_too(tmp_path):
    config = _config("https://x")
    config["clusters"][0]["cluster"]["certificate-authority"] = "ca.pem"
    config["users"][0]["user"]["client-key"] = "/etc/key.pem"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    kept = only(path, "staging")
    assert kept["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.pem")
    assert kept["users"][0]["user"]["client-key"] == "/etc/key.pem"
