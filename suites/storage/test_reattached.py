"""Storage: what a set kept is there when the set is made again."""


def test_claims_outlive_their_set_and_are_found_by_the_one_made_again(holds):
    holds("storage.reattached")
