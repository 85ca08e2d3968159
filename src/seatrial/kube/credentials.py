"""Who we are to a cluster: read from a kubeconfig, and read again once the server no longer knows.

Tokens expire in the middle of a long run; whoever renews them writes the file again, or the
kubeconfig names a program that gives new ones.
May import: the official client, errors; kube.connections.
Source: kubernetes.io, Authenticating, "client-go credential plugins".
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from kubernetes import client, config

from seatrial import __version__
from seatrial.errors import BadInput
from seatrial.kube.connections import reachable

RENEWAL = 2.0
"""Seconds between two readings of a kubeconfig: each may start a program or ask a server."""
EXPIRED = (
    "the credentials have expired, or the cluster does not know them: renew them; "
    "the kubeconfig and what it names are read again"
)
"""What to do about a 401."""
_GARBLED = (AttributeError, KeyError, TypeError, ValueError)
"""What the official client raises for a kubeconfig that is YAML of another shape, or no text."""


@dataclass
class Credentials:
    """One context of a kubeconfig; `every` is the least number of seconds between two readings."""

    kubeconfig: Path
    context: str = ""
    every: float = RENEWAL
    _read: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def opened(self) -> client.ApiClient:
        """Give a client that has them.

        Raises BadInput when the file or the context is not there or cannot be read.
        """
        self._read = time.monotonic()
        try:
            api: client.ApiClient = config.new_client_from_config(
                str(self.kubeconfig), self.context or None
            )
            if not api.configuration.host:
                raise config.ConfigException("its cluster names no server")  # noqa: TRY301
        except (OSError, config.ConfigException, yaml.YAMLError, *_GARBLED) as error:
            named = f" with the context {self.context}" if self.context else ""
            raise BadInput(
                f"a kubeconfig {self.kubeconfig}{named}",
                seen=str(error),
                remedy=f"kubectl --kubeconfig {self.kubeconfig} config get-contexts",
            ) from None
        api.configuration.retries = False
        reachable(api.rest_client.pool_manager)
        return api

    def renewed(self, api: client.ApiClient, refused: Mapping[str, str]) -> bool:
        """Read them again for a client whose call with the headers `refused` got 401.

        Gives whether it now has others: a second try makes sense.
        """
        with self._lock:
            if signed(api) != refused:
                return True  # another thread was here before
            if time.monotonic() - self._read < self.every:
                return False
            before = _known(api)
            try:
                fresh = self.opened()
            except BadInput:
                return False  # it is just being written, or gone; the next 401 looks again
            old = api.rest_client.pool_manager
            api.configuration, api.rest_client = fresh.configuration, fresh.rest_client
            old.clear()
            return _known(api) != before


OURS = "seatrial"
"""The field manager of all that a trial itself writes, so that it can be told from others'."""
AGENT = f"{OURS}/{__version__}"
"""What we call ourselves: an object's managed fields and the audit log name us by it."""


def signed(api: client.ApiClient) -> dict[str, str]:
    """Give the headers that say who we are; none when a certificate does."""
    headers: dict[str, str] = {}
    api.update_params_for_auth(headers, [], ["BearerToken"], "", "", None)
    return headers


def _known(api: client.ApiClient) -> tuple[dict[str, str], str | None]:
    # The official client names the file that it writes a certificate into by what is in it.
    return signed(api), api.configuration.cert_file
