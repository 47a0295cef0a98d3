"""deploy/swarm: what the compose specification and our own contract ask of the stack."""

import re

import compose_spec
import yaml

from boot import budget
from tests.support.pages import ROOT

TEXT = re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", (ROOT / "deploy/swarm/stack.yaml").read_text())
APP = yaml.safe_load(TEXT)["services"]["app"]
BOOT_SECONDS = 10 + 30 + 300 + 60  # env-check, db-wait, another's migration, web


def seconds(text: str) -> float:
    """Return a duration of a compose file that is given in seconds."""
    return float(text.removesuffix("s"))


def test_it_is_what_the_specification_says() -> None:
    # `docker stack` goes back by "rollback"; the library knows "continue" and "pause" alone.
    text = TEXT.replace("failure_action: rollback", "failure_action: pause")
    compose_spec.PyCompose.from_yaml(text).validate()


def test_a_new_task_stands_beside_the_old_and_failure_goes_back() -> None:
    for how in ("update_config", "rollback_config"):
        assert APP["deploy"][how]["order"] == "start-first"
        assert APP["deploy"][how]["parallelism"] == 1
    assert APP["deploy"]["update_config"]["failure_action"] == "rollback"
    assert APP["environment"]["EDGEPAAS_REPLICAS"] == str(APP["deploy"]["replicas"])


def test_the_stop_budget_fits_into_the_grace_period() -> None:
    total = float(APP["environment"]["EDGEPAAS_STOP_TIMEOUT"])
    drain = float(APP["environment"]["EDGEPAAS_DRAIN_DELAY"])
    assert total < seconds(APP["stop_grace_period"])
    assert budget.derive(total, drain).graceful > 10


def test_the_check_waits_for_what_the_boot_may_take() -> None:
    assert APP["healthcheck"]["test"] == ["CMD", "/usr/local/bin/healthcheck"]
    assert (ROOT / "rootfs/usr/local/bin/healthcheck").exists()
    assert seconds(APP["healthcheck"]["start_period"]) > BOOT_SECONDS


def test_secrets_are_files_and_the_container_is_locked_in() -> None:
    files = {name: value for name, value in APP["environment"].items() if name[-5:] == "_FILE"}
    assert sorted(files.values()) == sorted(f"/run/secrets/{name}" for name in APP["secrets"])
    assert not {name.removesuffix("_FILE") for name in files} & APP["environment"].keys()
    assert (APP["read_only"], APP["cap_drop"]) == (True, ["ALL"])
    assert {each["target"] for each in APP["volumes"]} == {"/run", "/tmp", "/data"}
