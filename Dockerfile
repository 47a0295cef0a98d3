# The image of the EdgePaaS runtime, in four stages:
#   base     Debian with the packages whose files reach the image
#   build    dependencies, bytecode, the assembled root; pip and build tools live and die here
#   runtime  FROM scratch: the layer without an app; yours goes on top (docs/own-app.md):
#                FROM edgepaas:dev-runtime
#                COPY app /srv/app
#                ENV EDGEPAAS_APP=app.main:app
#   app      the default: runtime with this repository's app
#
# `make build` finds or makes the base image, and passes a certificate bundle as the secret `ca` where the machine has one.
ARG BASE_IMAGE=debian:trixie-slim

FROM ${BASE_IMAGE} AS base
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean \
 && apt-get update \
 && apt-get install --yes --no-install-recommends \
        busybox ca-certificates libpython3.13-stdlib netbase openssl procps python3-minimal tzdata

FROM base AS build
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt,sharing=locked \
    apt-get update && apt-get install --yes --no-install-recommends binutils python3-venv
WORKDIR /build
RUN python3 -m venv pip && python3 -m venv --without-pip /opt/venv
# ps asks systemd about units; ls, cp, sed and Kerberos ask SELinux for labels: a container has neither.
COPY scripts/image/stand_in.py ./
RUN libraries="/usr/lib/$(uname -m)-linux-gnu" \
 && python3 stand_in.py "$libraries/libsystemd.so.0" /usr/local/lib/libsystemd.so.0 no-data "$libraries/libproc2.so.0" \
 && python3 stand_in.py "$libraries/libselinux.so.1" /usr/local/lib/libselinux.so.1 unsupported \
 && ldconfig
COPY scripts/image/assemble.py scripts/image/bytecode.py scripts/image/compile.sh ./
RUN mkdir system \
 && python3 assemble.py system \
 && python3 -X no_debug_ranges bytecode.py system /usr/lib/python3.13 \
 && sh compile.sh system
COPY requirements/runtime.txt scripts/image/trim.sh scripts/image/share.sh ./
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
 && pip/bin/pip --python /opt/venv/bin/python install --disable-pip-version-check --no-compile --no-warn-script-location \
        --only-binary :all: --require-hashes --requirement runtime.txt \
 && sh trim.sh /opt/venv/lib/python3.13/site-packages \
 && sh share.sh /opt/venv/lib/python3.13/site-packages "/usr/lib/$(uname -m)-linux-gnu"
RUN mkdir -p dependencies/opt \
 && cp -a /opt/venv dependencies/opt/ \
 && python3 assemble.py dependencies system /opt/venv \
 && python3 -X no_debug_ranges bytecode.py dependencies /opt/venv/lib/python3.13 \
 && sh compile.sh dependencies
COPY rootfs/ ours/
RUN mkdir -p ours/data ours/run/edgepaas ours/srv \
 && sh compile.sh ours /opt/edgepaas /usr/lib/python3.13 \
 && chown 10001:0 ours/data ours/run/edgepaas && chmod 2775 ours/data ours/run/edgepaas && chmod 1777 ours/run
COPY scripts/image/smoke.py ./
RUN mkdir smoke && cp -a system/. dependencies/. ours/. smoke/ && cp smoke.py smoke/tmp/ \
 && EDGEPAAS_RUN_DIR=/run/edgepaas LD_BIND_NOW=1 chroot smoke /opt/venv/bin/python -B /tmp/smoke.py && rm -r smoke

FROM build AS app-files
# A static file's ETag is made from its time; everything else is of 1970, the same layer whatever is committed.
ARG SOURCE_DATE_EPOCH=0
COPY app app/srv/app
RUN sh compile.sh app /srv

FROM scratch AS runtime
COPY --from=build /build/system /
COPY --from=build /build/dependencies /
COPY --from=build /build/ours /
# One heap for all threads of a process: one for each grows for as long as requests come (docs/performance.md).
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    MALLOC_ARENA_MAX=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    EDGEPAAS_ROOT=/ \
    EDGEPAAS_APP_DIR=/srv \
    EDGEPAAS_DATA_DIR=/data \
    EDGEPAAS_RUN_DIR=/run/edgepaas
WORKDIR /srv
# No VOLUME: an anonymous volume looks durable and is not, and a derived image could not put files into /data.
USER 10001:0
EXPOSE 8000 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["/usr/local/bin/healthcheck"]
ENTRYPOINT ["/init"]
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG BUILD_ID=unknown
ARG CREATED=1970-01-01T00:00:00Z
ENV EDGEPAAS_VERSION=${VERSION} EDGEPAAS_BUILD_ID=${BUILD_ID}
LABEL org.opencontainers.image.title="edgepaas" \
      org.opencontainers.image.description="The container runtime layer of a FastAPI service" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

FROM runtime AS app
COPY --from=app-files /build/app /
# Ours opens nothing while it is imported (tests/app/test_db.py); an app of your own may.
ENV EDGEPAAS_WEB_PRELOAD=1
