#!/bin/sh
# Let wheels use the system's libraries: a library that a wheel brings under a name of its own (libssl-8bd944e8.so.3) becomes a
# link to the system's of the same version (libssl.so.3), one copy in the image and in memory, and Debian's security fixes.
set -eu
packages=$1
system=$2
find "$packages" -path '*.libs/*' -name '*.so*' -type f | while read -r library; do
    name=$(basename "$library" | sed -E 's/-[0-9a-f]{8}(\.so\.[0-9]+).*/\1/')
    for folder in /usr/local/lib "$system"; do
        if [ -e "$folder/$name" ]; then
            ln -sf "$(readlink -f "$folder/$name")" "$library"
            break
        fi
    done
done
# libpq asks LDAP for nothing but where a `service` is (pg_service.conf with an ldap:// address). It says so when that is wanted.
find "$packages" -path '*.libs/libldap-*.so*' -type f | while read -r library; do
    python3 stand_in.py "$library" "$library" nothing "$(dirname "$library")"/libpq-*.so*
done
# What is needed by none that is left, until nothing goes any more.
while :; do
    needed=$(find "$packages" -name '*.so*' -type f -exec readelf -d {} + | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    unneeded=$(find "$packages" -path '*.libs/*' -name '*.so*' | while read -r library; do
        printf '%s\n' "$needed" | grep -qxF "$(basename "$library")" || echo "$library"
    done)
    [ -n "$unneeded" ] || break
    rm $unneeded
done
