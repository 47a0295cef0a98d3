#!/bin/sh
# Take out of an installed site-packages what a running program never reads: tests, sources of compiled modules,
# headers, debugging symbols. Metadata stays, for scanners and importlib.metadata.
set -eu
packages=$1
find "$packages" -depth -type d \( -name tests -o -name testing -o -name test -o -name __pycache__ \) -exec rm -rf {} +
find "$packages" -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.c' -o -name '*.h' -o -name '*.pyi' \) -delete
find "$packages" -type f -name '*.so*' -exec strip --strip-unneeded {} +
