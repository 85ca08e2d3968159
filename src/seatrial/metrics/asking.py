"""Queries to a Prometheus by prometheus-api-client, over our own connection to the API server.

Its calls go through an adapter, so that they carry our credentials, are renewed and time out as
ours do, and are made once: the library's own adapter asks four times and says nothing of it.
Imported when somebody asks, not before. May import: prometheus_api_client, requests, kube.client.
Source: prometheus-api-client 0.7.2, prometheus_connect.py (its constructor mounts an adapter).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect
from requests.adapters import BaseAdapter

from seatrial.errors import CannotRun
from seatrial.kube.client import Kube


class Through(BaseAdapter):
    """Sends what requests would send by a Kube; raises ApiFailed for every refusal."""

    def __init__(self, kube: Kube) -> None:
        super().__init__()
        self._kube = kube

    def send(
        self, request: requests.PreparedRequest, *_: object, **__: object
    ) -> requests.Response:
        """Make the call; whatever else requests asks for is our own connection's business."""
        path = str(request.url).removeprefix(self._kube.host)
        answer = self._kube.answer(str(request.method), path)
        found = requests.Response()
        found.status_code, found.url, found.request = answer.status, str(request.url), request
        found.headers.update(answer.headers)
        found._content = bytes(answer.data)  # noqa: SLF001 - requests offers no other way in
        return found

    def close(self) -> None:
        """Close nothing: the connection is the Kube's."""


def ask(kube: Kube, path: str, query: str, params: Mapping[str, str]) -> Any:
    """Ask the Prometheus at a URL path of the API server; gives the `result` of its answer.

    Raises ApiFailed with the server's or Prometheus' own words, CannotRun for what is no answer.
    """
    with requests.Session() as session:
        session.trust_env = False
        client = PrometheusConnect(f"{kube.host}{path}", session=session)
        session.mount(client.url, Through(kube))
        try:
            return client.custom_query(query, dict(params))
        except (PrometheusApiClientException, requests.RequestException, KeyError) as error:
            raise CannotRun(f"an answer of Prometheus to {query}", seen=repr(error)) from None
