"""deploy/kubernetes: what the published schemas, Pod Security and our own contract ask of it."""

from typing import Any

import kubernetes_validate
import pytest

from boot import budget
from boot.exit_status import ExitStatus
from tests.support.kubernetes import OVERLAYS, build, find, pod, settings
from tests.support.pages import ROOT

OLDEST, NEWEST = "1.31", "1.37"
WITHOUT_SCHEMA = {"ServiceMonitor"}
PODS = ("Deployment", "Job")
SLACK = 1
overlays = pytest.mark.parametrize("overlay", OVERLAYS)
pods = pytest.mark.parametrize("kind", PODS)


@overlays
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_is_what_the_published_schema_says(overlay: str, version: str) -> None:
    for each in build(overlay):
        if each["kind"] not in WITHOUT_SCHEMA:
            kubernetes_validate.validate(each, version, strict=True)


@overlays
@pods
def test_a_pod_is_restricted_as_pod_security_means_it(overlay: str, kind: str) -> None:
    spec = pod(overlay, kind)
    (container,) = spec["containers"]
    context = container["securityContext"]
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys()
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert not any("hostPort" in port for port in container.get("ports", []))
    for volume in spec["volumes"]:
        assert volume.keys() - {"name"} <= {"emptyDir", "secret"}


@overlays
@pods
def test_a_pod_gets_no_more_than_it_needs(overlay: str, kind: str) -> None:
    spec = pod(overlay, kind)
    (container,) = spec["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert "memory" in container["resources"]["limits"]
    written = {mount["mountPath"] for mount in container["volumeMounts"] if not is_secret(mount)}
    assert written == {"/run", "/tmp", "/data"}


def is_secret(mount: dict[str, Any]) -> bool:
    return bool(mount.get("readOnly", False))


@overlays
def test_the_namespace_has_the_cluster_refuse_anything_less_restricted(overlay: str) -> None:
    labels = find(overlay, "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@overlays
@pods
def test_secrets_are_files_and_no_variable_holds_one(overlay: str, kind: str) -> None:
    variables = settings(overlay)
    (container,) = pod(overlay, kind)["containers"]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert "env" not in container
    assert not {"DATABASE_URL", "EDGEPAAS_API_TOKENS", "EDGEPAAS_METRICS_TOKEN"} & variables.keys()
    files = [value for name, value in variables.items() if name.endswith("_FILE")]
    assert len(files) == 3
    assert all(value.startswith(f"{mounts['secrets']}/") for value in files)


@overlays
def test_probes_ask_the_sidecar(overlay: str) -> None:
    (container,) = pod(overlay, "Deployment")["containers"]
    probes = {name: container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    asked = {name: probe["httpGet"]["path"] for name, probe in probes.items()}
    assert asked == {"startup": "/startupz", "liveness": "/livez", "readiness": "/readyz"}
    assert {probe["httpGet"]["port"] for probe in probes.values()} == {"management"}
    assert {"name": "management", "containerPort": 9464} in container["ports"]


@overlays
def test_the_startup_probe_outlasts_what_the_boot_may_take(overlay: str) -> None:
    (container,) = pod(overlay, "Deployment")["containers"]
    probe = container["startupProbe"]
    seconds = probe["periodSeconds"] * probe["failureThreshold"]
    env_check, database, migration, web = 10, 30, 300, 60
    assert seconds > env_check + database + migration + web
    assert find(overlay, "Deployment")["spec"]["progressDeadlineSeconds"] > seconds


@overlays
@pods
def test_the_stop_budget_fits_into_the_grace_period(overlay: str, kind: str) -> None:
    variables = settings(overlay)
    total = float(variables["EDGEPAAS_STOP_TIMEOUT"])
    drain = float(variables["EDGEPAAS_DRAIN_DELAY"])
    assert total + SLACK <= pod(overlay, kind)["terminationGracePeriodSeconds"]
    assert budget.derive(total, drain).graceful > 10


@overlays
def test_the_drain_outlasts_two_readiness_probes(overlay: str) -> None:
    (container,) = pod(overlay, "Deployment")["containers"]
    probe = container["readinessProbe"]
    seconds = float(settings(overlay)["EDGEPAAS_DRAIN_DELAY"])
    assert seconds >= 2 * probe["periodSeconds"] * probe["failureThreshold"] + 1
    assert "lifecycle" not in container


@overlays
def test_the_container_knows_how_many_there_may_be(overlay: str) -> None:
    most = find(overlay, "HorizontalPodAutoscaler")["spec"]["maxReplicas"]
    assert settings(overlay)["EDGEPAAS_REPLICAS"] == str(most)
    assert "replicas" not in find(overlay, "Deployment")["spec"]


@overlays
def test_selectors_meet_the_pods_they_mean(overlay: str) -> None:
    deployment = find(overlay, "Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    job = find(overlay, "Job")["spec"]["template"]["metadata"]["labels"]
    chosen = [
        deployment["selector"]["matchLabels"],
        find(overlay, "Service", "edgepaas")["spec"]["selector"],
        find(overlay, "Service", "edgepaas-management")["spec"]["selector"],
        find(overlay, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ]
    for selector in chosen:
        assert selector.items() <= labels.items()
        assert not selector.items() <= job.items()
    policy = find(overlay, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    assert policy.items() <= labels.items()
    assert policy.items() <= job.items()


def test_prometheus_finds_every_pod_by_the_service_monitor() -> None:
    monitor = find("production", "ServiceMonitor")["spec"]
    service = find("production", "Service", "edgepaas-management")
    (endpoint,) = monitor["endpoints"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert service["spec"]["publishNotReadyAddresses"] is True
    credentials = endpoint["authorization"]["credentials"]
    token = settings("production")["EDGEPAAS_METRICS_TOKEN_FILE"]
    assert token.endswith(f"/{credentials['key']}")
    assert pod("production", "Deployment")["volumes"][-1]["secret"]["secretName"] == "edgepaas"


@overlays
def test_a_migration_is_tried_again_only_where_that_can_help(overlay: str) -> None:
    spec = find(overlay, "Job")["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert container["args"] == ["migrate"]
    assert settings(overlay)["EDGEPAAS_MIGRATE"] == "job"
    (by_status,) = [rule for rule in spec["podFailurePolicy"]["rules"] if "onExitCodes" in rule]
    assert by_status["onExitCodes"]["containerName"] == container["name"]
    final = {int(each) for each in by_status["onExitCodes"]["values"]}
    assert final <= {int(each) for each in ExitStatus}
    assert not final & {int(ExitStatus.UNREACHABLE), int(ExitStatus.TEMPORARY)}


def test_no_file_is_left_out_of_the_overlays() -> None:
    built = {each["kind"] for each in build("production")}
    for path in (ROOT / "deploy/kubernetes").rglob("*.yaml"):
        if path.name != "kustomization.yaml":
            kinds = [line[6:] for line in path.read_text().splitlines() if line[:6] == "kind: "]
            assert set(kinds) <= built, path
