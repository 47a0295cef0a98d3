#!/bin/sh
# The single-stage entrypoint: the steps, then the service in its place.
set -e
baseline/steps.sh
exec baseline/serve.sh
