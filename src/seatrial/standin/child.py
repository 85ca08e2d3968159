"""The controller's own process: `python -m seatrial.standin.child FILE SET KUBECONFIG CONTEXT NS`.

FILE declares kopf handlers; each is given `memo.kube` (a Kube), `memo.set` and `memo.namespace`.
It sees pods and sets of that namespace and what lives in none. It ends at once when its standard
input does: it keeps nothing that would have to be put away.
May import: kopf, kube, scrub, standin.
"""

from __future__ import annotations

import asyncio
import logging
import os
import runpy
import sys
import threading
from pathlib import Path

import kopf

from seatrial.kube.client import Kube, connect
from seatrial.kube.credentials import signed
from seatrial.scrub import scrub
from seatrial.standin import MANAGER, READY


def main(file: str, name: str, kubeconfig: str, context: str, namespace: str) -> None:
    """Follow the cluster until our standard input ends."""
    threading.Thread(target=_until_alone, daemon=True).start()
    _log()
    kube = connect(Path(kubeconfig), context, MANAGER)
    kopf.on.login()(lambda **_: _credentials(kube))
    runpy.run_path(file)
    memo = kopf.Memo(kube=kube, set=name, namespace=namespace)
    asyncio.run(_followed(memo, namespace))


async def _followed(memo: kopf.Memo, namespace: str) -> None:
    ready = asyncio.Event()
    told = asyncio.create_task(_tell(ready))
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    await kopf.operator(
        settings=settings, memo=memo, namespaces=[namespace], standalone=True, ready_flag=ready
    )
    await told


async def _tell(ready: asyncio.Event) -> None:
    await ready.wait()
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()


def _credentials(kube: Kube) -> kopf.ConnectionInfo:
    """Give kopf what the official client found in the kubeconfig."""
    found = kube.api.configuration
    scheme, _, token = signed(kube.api).get("authorization", "").partition(" ")
    return kopf.ConnectionInfo(
        server=found.host,
        ca_path=found.ssl_ca_cert,
        insecure=not found.verify_ssl,
        certificate_path=found.cert_file,
        private_key_path=found.key_file,
        scheme=scheme or None,
        token=token or None,
    )


def _until_alone() -> None:
    """Read as the system does: what Python would hold of it could not be let go at our end."""
    while os.read(0, 1):
        pass
    os._exit(0)


class _Scrubbed(logging.Formatter):
    """A whole record, its traceback too, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return str(scrub(super().format(record)))


def _log() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Scrubbed("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    main(*sys.argv[1:])
