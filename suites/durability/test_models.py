"""Durability: what clients are told of a register, a bank and their own writes makes sense."""

import pytest

# Tried on a store whose members agree; the default subject's do not, and claim none of it.
pytestmark = pytest.mark.campaign
_SUBJECT = "etcd"


@pytest.mark.parametrize("model", ["register", "bank", "session"])
def test_what_clients_are_told_while_a_member_is_cut_off_makes_sense(trial_of, model):
    tried = trial_of(_SUBJECT, family="durability")
    (found,) = (v for v in tried.verdicts if v.guarantee == f"durability.{model}")
    assert found.verdict == "holds", found.reason
