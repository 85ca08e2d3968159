"""The pod of our Prometheus: what it scrapes, how often, and for how long it remembers.

May import: model, kube.pods.
Source: prometheus.io, "Configuration" (static_configs), "Storage".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from seatrial.kube.pods import confined
from seatrial.model import Metrics, Profile

NAME = "prometheus"
PORT = 9090
JOB = "members"
"""What the series of members carry as `job`; `member` is the ordinal."""
INTERVAL = 1.0
"""Seconds between two scrapes of a member."""
_LOOKBACK = "3s"
"""A series without a sample for so long is no data; Prometheus' own five minutes hide an outage."""
_KEPT = "6h"
_SIZE = "1Gi"


def namespace_of(trial: str) -> str:
    """Name the namespace beside a trial's own; it goes with it."""
    return f"seatrial-metrics-{trial.removeprefix('trial-')}"


def documents(
    profile: Profile,
    exported: Metrics,
    trial: Mapping[str, Any],
    image: str,
    placement: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Give the objects to apply into `namespace_of` the trial's Namespace, itself first.

    Members are scraped by their stable names: one that is away is `up` 0, where discovery would
    forget it. The trial's Namespace, given as it is, owns ours: whatever removes one removes both.
    `placement` keeps the pod where it belongs.
    """
    name, uid = trial["metadata"]["name"], trial["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Namespace", "name": name, "uid": uid}
    own = {"name": namespace_of(name), "labels": {"seatrial.dev/run": name}}
    told = json.dumps(config(profile, exported, name))
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": own | {"ownerReferences": [owner]}},
        _object("ConfigMap", {"data": {"prometheus.yml": told}}),
        _object("Pod", {"spec": {**placement, **_spec(image)}}),
    ]


def config(profile: Profile, exported: Metrics, trial: str) -> dict[str, Any]:
    """Give Prometheus' configuration; it is JSON, which is YAML as well."""
    targets = [
        {
            "targets": [f"{profile.set}-{n}.{profile.service}.{trial}.svc:{exported.port}"],
            "labels": {"member": str(n)},
        }
        for n in profile.ordinals
    ]
    every = f"{INTERVAL:g}s"
    scrape = {"job_name": JOB, "metrics_path": exported.path, "static_configs": targets}
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every},
        "scrape_configs": [scrape],
    }


def _object(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": NAME}, **fields}


def _spec(image: str) -> dict[str, Any]:
    volumes = [
        {"name": "config", "configMap": {"name": NAME}},
        {"name": "data", "emptyDir": {"sizeLimit": _SIZE}},
    ]
    return confined(_container(image), volumes)


def _container(image: str) -> dict[str, Any]:
    return {
        "name": NAME,
        "image": image,
        "args": [
            "--config.file=/config/prometheus.yml",
            "--storage.tsdb.path=/data",
            f"--storage.tsdb.retention.time={_KEPT}",
            f"--query.lookback-delta={_LOOKBACK}",
            f"--web.listen-address=:{PORT}",
        ],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {
            "httpGet": {"path": "/-/ready", "port": "http"},
            "periodSeconds": 1,
            "timeoutSeconds": 3,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "512Mi"}},
        "volumeMounts": [
            {"name": "config", "mountPath": "/config", "readOnly": True},
            {"name": "data", "mountPath": "/data"},
        ],
    }
