#!/bin/sh
# Take out of an installed site-packages what a running program never reads: tests, sources of compiled modules,
# headers, debugging symbols. Metadata stays, for scanners and importlib.metadata, without the README at its end.
set -eu
packages=$1
find "$packages" -depth -type d \( -name tests -o -name testing -o -name test -o -name __pycache__ \) -exec rm -rf {} +
find "$packages" -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.c' -o -name '*.h' -o -name '*.pyi' \) -delete
find "$packages" -type f -name '*.so*' -exec strip --strip-unneeded {} +
find "$packages" -path '*.dist-info/METADATA' -exec sed -i '/^\r*$/,$d' {} +
# What is for other programs than the image has: trio, a browser's Python, mypy, coding assistants, Windows.
rm -rf "$packages/anyio/_backends/_trio.py" "$packages/urllib3/contrib/emscripten" "$packages/pydantic/mypy.py" "$packages/fastapi/.agents" \
    "$packages/click/_winconsole.py"
# One list of certificates, the one an operator mounts his own over.
ln -sf /etc/ssl/certs/ca-certificates.crt "$packages/certifi/cacert.pem"

# Of apprise only what sends alerts: no command line, translations, pictures; of its 190 services those that people are
# on call with (docs/alerts.md). What it needs for the rest, it imports when asked for it.
services='acs apprise_api betterstack custom_form custom_json custom_xml discord email google_chat gotify ilert incidentio matrix mattermost ntfy opsgenie pagerduty pushover rocketchat ses signal_api slack sns splunk telegram twilio webexteams workflows zulip'
if [ -d "$packages/apprise" ]; then
    cd "$packages/apprise/plugins"
    for entry in *; do
        case " __init__.py base.py $services " in
            *" $entry "* | *" ${entry%.py} "*) ;;
            *) rm -rf "$entry" ;;
        esac
    done
    cd "$packages"
    find apprise/i18n -mindepth 1 ! -name '*.py' -prune -exec rm -rf {} +
    rm -rf apprise/assets/* apprise/cli.py
    for unused in markdown oauthlib requests_oauthlib yaml _yaml pyyaml charset_normalizer; do
        rm -rf "$unused" "$unused"-*.dist-info
    done
    find . -maxdepth 1 -iname '*mypyc*.so' -delete
fi
