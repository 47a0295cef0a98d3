"""The manifests of deploy/kubernetes, built as kubectl builds them, and a pod as docker runs it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.pages import ROOT
from tests.support.skip import skip_or_fail

DIRECTORY = ROOT / "deploy/kubernetes"
OVERLAYS = ("production", "staging")
Manifest = dict[str, Any]


@cache
def build(overlay: str) -> tuple[Manifest, ...]:
    """Return what `kubectl kustomize` makes of an overlay; skip where there is no kubectl."""
    kubectl = shutil.which("kubectl")
    if not kubectl:
        skip_or_fail("kubectl is missing: it builds deploy/kubernetes")
    path = DIRECTORY / "overlays" / overlay
    done = subprocess.run(
        [kubectl, "kustomize", str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def find(overlay: str, kind: str, name: str = "") -> Manifest:
    """Return the one object of `kind` (and `name`, where there are several)."""
    found = [
        each
        for each in build(overlay)
        if each["kind"] == kind and name in {"", each["metadata"]["name"]}
    ]
    assert len(found) == 1, f"{kind} {name}: {len(found)} in {overlay}"
    return found[0]


def settings(overlay: str) -> dict[str, str]:
    """Return the variables that Deployment and Job take from the ConfigMap."""
    data: dict[str, str] = find(overlay, "ConfigMap")["data"]
    return data


def pod(overlay: str, kind: str) -> Manifest:
    """Return the pod's spec of the Deployment or the Job."""
    spec: Manifest = find(overlay, kind)["spec"]["template"]["spec"]
    return spec


@dataclass(frozen=True)
class DockerPod:
    """A pod of one container as `docker run` would start it: the same user, mounts and limits."""

    spec: Manifest
    secrets: Path
    volumes: Path  # a directory of one's own, for what a kubelet would make for this pod

    @property
    def container(self) -> Manifest:
        """Its one container."""
        (only,) = self.spec["containers"]
        found: Manifest = only
        return found

    @property
    def options(self) -> list[str]:
        """What the spec asks for, as options."""
        who = self.spec["securityContext"]
        limits = self.container["resources"]["limits"]
        return [
            f"--user={who['runAsUser']}:{who['runAsGroup']}",
            f"--group-add={who['fsGroup']}",
            f"--memory={limits['memory'].removesuffix('i').lower()}",
            *self._security(),
            *self._mounts(),
        ]

    @property
    def command(self) -> list[str]:
        """What stands behind the image."""
        return list(self.container.get("args", []))

    def _security(self) -> Iterator[str]:
        context = self.container["securityContext"]
        if context["readOnlyRootFilesystem"]:
            yield "--read-only"
        if not context["allowPrivilegeEscalation"]:
            yield "--security-opt=no-new-privileges"
        yield from (f"--cap-drop={each}" for each in context["capabilities"]["drop"])

    def _mounts(self) -> Iterator[str]:
        volumes = {each["name"]: each for each in self.spec["volumes"]}
        for mount in self.container["volumeMounts"]:
            path, name = mount["mountPath"], mount["name"]
            if "secret" in volumes[name]:
                yield f"--volume={self.secrets}:{path}:ro"
            else:
                yield f"--volume={self._empty(name)}:{path}"

    def _empty(self, name: str) -> Path:
        """Make an emptyDir as a kubelet does: empty, of root and the fsGroup, open to all.

        No --tmpfs: the engine copies into it what the image has there, a kubelet does not.
        """
        directory = self.volumes / name
        directory.mkdir()
        os.chown(directory, -1, self.spec["securityContext"]["fsGroup"])
        directory.chmod(0o2777)
        return directory
