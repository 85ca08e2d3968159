"""Judges of client histories: what a store answered, against what its model allows."""
