"""Storage: what a member kept is there when it is scaled up again."""


def test_claims_outlive_scale_down_and_are_found_again(holds):
    holds("storage.kept-on-scale-down")
