#!/bin/sh
# Compile the Python files of LAYER's FOLDERs in place, and make modes and times the same on every host.
# usage: compile.sh LAYER [FOLDER ...]
set -eu
layer=$1
shift
for folder in "$@"; do
    # unchecked: the image is immutable, so nobody need compare times at import (PEP 552)
    python3 -m compileall -q -f -j 0 --invalidation-mode unchecked-hash -s "$layer" -p / "$layer$folder"
done
chown -hR 0:0 "$layer"
# git keeps only the executable bit; the umask of the checkout must not reach the image
find "$layer" ! -type l ! -perm -1000 -exec chmod u=rwX,go=rX {} +
find "$layer" -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH:-0}" {} +
