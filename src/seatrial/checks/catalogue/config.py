"""The guarantees of the family config: what a member runs with, and where it has it from.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks import centres, changed_settings, kept_settings
from seatrial.model import Guarantee

GUARANTEES = (
    Guarantee(
        "config.survives-drift",
        "ConfigMap, Secret and per-ordinal configuration are equal after drift",
        "https://kubernetes.io/docs/concepts/configuration/configmap/",
        "each member is deleted; each is asked before and after for what it was given",
        ("pod-delete",),
        kept_settings.survives_drift,
    ),
    Guarantee(
        "config.propagates",
        "a changed ConfigMap or Secret reaches each member's mounted files within a bound, while "
        "subPath mounts and variables stay until a restart, as declared",
        "https://kubernetes.io/docs/concepts/configuration/configmap/"
        "#mounted-configmaps-are-updated-automatically",
        "every object that the profile names is changed, and put back; members say when they are "
        "given each value, and are asked before and meanwhile",
        ("config-change",),
        changed_settings.propagates,
    ),
    Guarantee(
        "config.immutable",
        "an immutable ConfigMap or Secret refuses a change, and members have what they had",
        "https://kubernetes.io/docs/concepts/configuration/configmap/#configmap-immutable",
        "the change of each that the profile calls immutable is tried; members are asked before "
        "and meanwhile",
        ("config-change",),
        changed_settings.immutable,
    ),
    Guarantee(
        "config.center",
        "with the configuration centre down, members start and run on their local backup, and take "
        "up changes when it returns",
        "https://www.apolloconfig.com/#/en/design/apollo-design",
        "the centre is scaled to nothing and a member is deleted meanwhile; when it is back a "
        "change is published; all are asked before, meanwhile and after",
        ("centre-down",),
        centres.center,
    ),
)
