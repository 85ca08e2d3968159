"""Calls to the API server: what comes back is the server's own sentence."""

import gc
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seatrial import timing
from seatrial.errors import BadInput, CannotRun, NotReady
from seatrial.kube.client import ApiFailed, connect
from seatrial.testing import FakeApi, fake_api
from seatrial.workload import namespace_of, removed


@pytest.fixture
def api():
    with fake_api() as running:
        yield running


@pytest.fixture
def kube(api, tmp_path):
    return connect(api.kubeconfig(tmp_path / "kubeconfig"))


def pod(name: str, **meta: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **meta}}


def test_objects_are_applied_where_they_say_or_where_they_are_told(api, kube):
    kube.apply([pod("a"), pod("b", namespace="own")], "told")
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
    kube.apply([node], "told")
    assert set(api.objects["pods"]) == {"told/a", "own/b"}
    assert set(api.objects["nodes"]) == {"/n"}


def test_a_kind_that_the_cluster_does_not_know_is_named(kube):
    odd = {"apiVersion": "v1", "kind": "Gadget", "metadata": {"name": "g"}}
    with pytest.raises(BadInput, match="Gadget in v1"):
        kube.apply([odd])
    with pytest.raises(BadInput, match="Gadget in gadgets/v1"):
        kube.apply([odd | {"apiVersion": "gadgets/v1"}])


def test_a_server_in_trouble_is_not_taken_for_one_that_knows_no_kinds(api, kube):
    api.refuse.append(500)
    with pytest.raises(ApiFailed, match="in trouble"):
        kube.apply([pod("a")])


def test_a_refusal_carries_the_servers_sentence_and_status(kube):
    with pytest.raises(ApiFailed, match='"no" not found') as caught:
        kube.get("/api/v1/namespaces/x/pods/no")
    assert caught.value.status == 404


def test_deleting_what_is_gone_is_fine_and_another_uid_is_refused(api, kube):
    kube.delete("/api/v1/namespaces/x/pods/no")
    api.put("pods", "a", "x")
    with pytest.raises(ApiFailed, match="precondition") as caught:
        kube.delete("/api/v1/namespaces/x/pods/a", uid="another")
    assert caught.value.status == 409
    kube.delete("/api/v1/namespaces/x/pods/a")
    assert api.objects["pods"] == {}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_a_sentence(status, api, kube):
    api.refuse.append(status)
    with pytest.raises(CannotRun, match="the server is in trouble"):
        kube.get("/api/v1/nodes")


def test_a_server_that_is_away_is_a_sentence_with_a_remedy(tmp_path):
    with fake_api() as gone:
        kube = connect(gone.kubeconfig(tmp_path / "kubeconfig"))
    with pytest.raises(ApiFailed, match="cluster list") as caught:
        kube.get("/api/v1/nodes")
    assert caught.value.status == 0


NO_SERVER = b"""{current-context: c, contexts: [{name: c, context: {cluster: c, user: c}}],
clusters: [{name: c, cluster: {}}], users: [{name: c, user: {}}]}"""


@pytest.mark.parametrize(
    "text",
    [
        None,
        b"",
        b"not: [a",
        b"kind: Config\n",
        b"words",
        b"- a",
        b"clusters: 7",
        b"\xff",
        NO_SERVER,
    ],
)
def test_a_kubeconfig_that_is_none_is_bad_input(text, tmp_path):
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(BadInput, match="a kubeconfig"):
        connect(path)


def test_a_context_that_is_not_there_is_named(api, tmp_path):
    with pytest.raises(BadInput, match="the context another"):
        connect(api.kubeconfig(tmp_path / "kubeconfig"), "another")


def test_a_namespace_is_waited_for_until_it_is_gone(api, kube):
    api.put("namespaces", "trial-1")
    removed(kube, "trial-1")
    assert api.objects["namespaces"] == {}
    removed(kube, "trial-1")


def test_a_namespace_that_does_not_go_is_named(api, kube, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "namespace is gone", 0.3)
    monkeypatch.setattr(api, "remove", lambda *_: None)
    api.put("namespaces", "trial-1")
    with pytest.raises(NotReady, match="trial-1 is still there"):
        removed(kube, "trial-1")


def test_a_namespaces_name_leaves_room_for_a_pods_whole_dns_name():
    names = {namespace_of(Path(f"run-{n}")) for n in range(1000)}
    assert len(names) == 1000
    assert max(map(len, names)) <= 16


def test_runs_of_one_second_and_seed_in_two_folders_do_not_share_a_namespace(tmp_path):
    name = "20261121T214811Z-ledger-1"
    assert namespace_of(tmp_path / "a" / name) != namespace_of(tmp_path / "b" / name)


def test_a_run_has_one_namespace_by_whatever_way_to_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert namespace_of(Path("run")) == namespace_of(tmp_path / "run")


@pytest.mark.filterwarnings("error")
def test_a_client_that_is_dropped_leaves_no_open_connection(api, tmp_path):
    kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
    kube.get("/api/v1/nodes")
    pool = kube.pool
    assert len(pool.pools) == 1
    del kube
    gc.collect()
    assert len(pool.pools) == 0


@pytest.fixture(params=["closed", "reset"])
def forgetful(tmp_path, request):
    """Run a server that ends each connection at its second request, unanswered; give a client."""
    linger = struct.pack("ii", request.param == "reset", 0)
    heard: list[str] = []

    class Once(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        asked = 0

        def do(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.asked += 1
            heard.append(self.command)
            if self.asked > 1:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = do_PATCH = do_DELETE = do  # noqa: N815 - named by its base

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Abrupt(ThreadingHTTPServer):
        def shutdown_request(self, request):
            self.close_request(request)

    server = Abrupt(("127.0.0.1", 0), Once)
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    api = FakeApi()
    api.host = f"http://127.0.0.1:{server.server_port}"
    yield connect(api.kubeconfig(tmp_path / "kubeconfig")), heard
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_call_that_met_a_connection_just_closed_is_made_on_another(method, forgetful):
    kube, heard = forgetful
    kube.send("GET", "/version")
    assert kube.send(method, "/api/v1/nodes/n") == b"{}"
    assert heard == ["GET", method, method]


def test_a_call_that_would_do_something_twice_is_not_made_again(forgetful):
    kube, heard = forgetful
    kube.send("GET", "/version")
    with pytest.raises(ApiFailed, match="POST"):
        kube.send("POST", "/api/v1/namespaces", {})
    assert heard == ["GET", "POST"]


def test_every_call_says_who_makes_it(forgetful):
    kube, _ = forgetful
    assert kube.headers()["User-Agent"].startswith("seatrial/")


def test_whoever_changes_a_set_is_written_down_by_name(api, kube, tmp_path):
    path = "/apis/apps/v1/namespaces/x/statefulsets/web"
    made = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}}
    kube.apply([{**made, "spec": {"replicas": 3}}], "x")
    kube.patch(path, {"spec": {"replicas": 2}})
    other = connect(api.kubeconfig(tmp_path / "other"), manager="kubectl")
    other.patch(f"{path}/scale", {"spec": {"replicas": 5}})
    meta = api.of("statefulsets")["x/web"]["metadata"]
    told = [(w["manager"], w["operation"], w.get("subresource")) for w in meta["managedFields"]]
    ours = [("seatrial", "Apply", None), ("seatrial", "Update", None)]
    assert told == [*ours, ("kubectl", "Update", "scale")]
    assert meta["generation"] == 3


def test_a_label_on_a_set_is_no_other_state_of_its_spec(api, kube):
    made = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}}
    kube.apply([{**made, "spec": {"replicas": 3}}], "x")
    path = "/apis/apps/v1/namespaces/x/statefulsets/web"
    kube.patch(path, {"metadata": {"labels": {"tier": "one"}}})
    assert api.of("statefulsets")["x/web"]["metadata"]["generation"] == 1
