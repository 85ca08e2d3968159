"""Storage: every member has a claim of its own."""


def test_each_ordinal_has_one_claim_a_template_named_so_and_bound_to_one_volume(holds):
    holds("storage.claim-per-ordinal")
