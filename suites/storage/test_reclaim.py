"""Storage: a class does with a deleted claim's volume what it declares."""


def test_the_directory_of_a_deleted_claim_goes_or_stays_as_declared(holds):
    holds("storage.reclaim")
