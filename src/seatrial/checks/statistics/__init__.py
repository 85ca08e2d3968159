"""What few samples can tell: intervals that are right however few there are."""
