"""make build: the image (IMAGE, or edgepaas:dev) and the layer without an app (IMAGE-runtime)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from scripts import base_image, engine, identity
from scripts.checkout import IMAGE, ROOT, build_directory
from scripts.console import Failure, run, say
from scripts.engine import Engine

NEEDED_BYTES = 2 * 10**9
# So that pip trusts what this machine trusts; the bundle never reaches the image.
CERTIFICATE_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
CERTIFICATE_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
STEP = re.compile(r"^(#\d+) (\[\w+ +\d+/\d+\] .*)$")
NO_WORK = re.compile(r"^#\d+ (CACHED|DONE 0\.0s|sha256:|resolve )")


def certificate_bundle() -> str | None:
    """Return the machine's certificate bundle; None where there is none."""
    named = (os.environ.get(name, "") for name in CERTIFICATE_VARIABLES)
    return next(
        (path for path in (*named, *CERTIFICATE_FILES) if path and Path(path).is_file()), None
    )


def arguments(base: str, target: str, tag: str) -> list[str]:
    """Return the command line of one build."""
    this = identity.read()
    values = {
        "BASE_IMAGE": base,
        "VERSION": this.version,
        "REVISION": this.revision,
        "BUILD_ID": this.build_id,
        "CREATED": this.created,
        "SOURCE_DATE_EPOCH": str(this.epoch),
    }
    command = ["build", "--target", target, "--tag", tag]
    for name, value in values.items():
        command += ["--build-arg", f"{name}={value}"]
    bundle = certificate_bundle()
    if bundle:
        command += ["--secret", f"id=ca,src={bundle}"]
    return [*command, str(ROOT)]


def check_disk(docker: Engine) -> None:
    """Raise Failure when the engine's disk has no room for a build."""
    folder = docker.output("info", "--format", "{{.DockerRootDir}}")
    if not Path(folder).is_dir():
        return  # the daemon lives on another machine
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise Failure(
            f"disk full: {folder} has {free / 1e9:.1f} GB left and a build needs"
            f" {NEEDED_BYTES / 1e9:.0f}; free some, for example with `docker system prune`"
        )


def run_quietly(command: list[str], environment: dict[str, str], log: Path) -> int:
    """Run a build off a terminal, printing the steps not cached; return its status."""
    steps: dict[str, str] = {}
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as build,
    ):
        for line in build.stdout or ():
            file.write(line)
            step = STEP.match(line)
            if step:
                steps[step.group(1)] = re.sub(r"\s+", " ", step.group(2))
            elif line.split(" ")[0] in steps and not NO_WORK.match(line):
                say(steps.pop(line.split(" ")[0])[:100])
    return build.returncode


def explain(log: Path) -> str:
    """Return why a build failed, from its log."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if "no space left on device" in text:
        return "disk full while building; free some, for example with `docker system prune`"
    tail = "\n  ".join(text.splitlines()[-30:])
    hint = (
        " (no network?)"
        if re.search(r"Temporary failure|Could not resolve|NewConnection", text)
        else ""
    )
    return f"the image could not be built{hint}; the end of {log}:\n  {tail}"


def build(docker: Engine, base: str, target: str, tag: str) -> None:
    """Build `target` as `tag`; raises Failure."""
    command = [docker.client, *arguments(base, target, tag)]
    if sys.stdout.isatty():
        status = subprocess.run(command, env=docker.environment, check=False).returncode
        if status != 0:
            raise Failure("the image could not be built; the reason stands above")
        return
    log = build_directory() / f"image-{target}.log"
    if run_quietly(command, docker.environment, log) != 0:
        raise Failure(explain(log))


def build_all(docker: Engine, image: str = IMAGE) -> None:
    """Build both targets of the image; raises Failure."""
    check_disk(docker)
    base = base_image.ensure(docker)
    started = time.monotonic()
    say(f"building {image} on {base}")
    build(docker, base, "runtime", f"{image}-runtime")
    build(docker, base, "app", image)
    size = int(docker.output("image", "inspect", "--format", "{{.Size}}", image)) / 1e6
    say(f"built {image} ({size:.0f} MB) in {time.monotonic() - started:.1f} s")


def main() -> int:
    """Build the image with whatever engine can be had."""
    build_all(engine.ensure())
    return 0


if __name__ == "__main__":
    run(main)
