"""Session: clients stay at their member, are let go in time, and are told what is lost."""

import pytest

MEMORY, STORE, ENVOY = "session", "session-redis", "session-envoy"
CLAIMED = [
    (MEMORY, "session.sticky"),
    (MEMORY, "session.timeout"),
    (MEMORY, "session.drift"),
    (MEMORY, "session.cookie"),
    (STORE, "session.external"),
    (ENVOY, "session.cookie"),
]

# Fourteen client pods take half of two processors: not beside others.
pytestmark = pytest.mark.campaign


@pytest.mark.parametrize(("profile", "guarantee"), CLAIMED)
def test_sessions_keep_what_a_profile_claims_of_them(profile, guarantee, trial_of):
    found = next(v for v in trial_of(profile).verdicts if v.guarantee == guarantee)
    assert found.verdict == "holds", found.reason
