"""The seam to the API server: a few calls, and a lossless watch.

May import: the official client, msgspec, model, errors, timing.
"""
