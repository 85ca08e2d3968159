"""Identity: all members are in one cluster, whatever becomes of a disk."""


def test_a_member_that_lost_its_disk_founds_no_second_cluster(holds):
    holds("identity.one-cluster")
