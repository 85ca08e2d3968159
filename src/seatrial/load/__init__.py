"""Client code and name resolution inside the cluster, in a pod off the victims' nodes.

`driver/` is the program that runs there, shipped as text; the rest starts it, talks to it through
the API server's proxy, and collects what it saw.
May import: model, errors, timing, kube, progress, history.
"""
