"""Storage: what an ordinal wrote is found by that ordinal again."""


def test_claim_volume_and_token_return_to_their_ordinal_after_every_drift(holds):
    holds("storage.rebind")
