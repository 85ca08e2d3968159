#!/bin/sh
# Runs once, inside the node image being made: imports the archive on standard input into
# containerd's store, then moves what never changes (layers, unpacked and as blobs) to /preload
# and leaves links. kind gives every node a fresh copy of /var; what is outside is shared by all.
set -eu
root=/var/lib/containerd
containerd --root /work --state /run/preload --address /run/preload.sock >/tmp/containerd.log 2>&1 &
daemon=$!
until ctr --address /run/preload.sock version >/dev/null 2>&1; do
  kill -0 "$daemon" || { cat /tmp/containerd.log; exit 1; }
  sleep 0.1
done
ctr --address /run/preload.sock --namespace k8s.io images import - || { tail /tmp/containerd.log; exit 1; }
kill "$daemon"
wait "$daemon" || true

mkdir -p "$root" /preload
cp -a /work/. "$root/"
set -- io.containerd.snapshotter.v1.overlayfs/snapshots io.containerd.content.v1.content/blobs/sha256
for part; do
  kept=/preload/$(basename "$part")
  mv "$root/$part" "$kept"
  mkdir -m 700 "$root/$part"
  for found in "$kept"/*; do ln -s "$found" "$root/$part/"; done
done
rm -rf /tmp/containerd.log /run/preload*
