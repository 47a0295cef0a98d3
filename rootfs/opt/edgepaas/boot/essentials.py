"""What every process of a container may rely on, before env-check has looked at anything."""

import os

from boot.contract import Contract
from boot.settings import Settings

NEEDED_BEFORE_ENV_CHECK = ("EDGEPAAS_DATA_DIR", "LOG_FORMAT", "LOG_LEVEL", "TZ")


def publish(ours: Settings, contract: Contract) -> None:
    """Put into the environment the directories, identity and limits of this boot.

    A value that is wrong stays as it is: env-check must find it to report it.
    """
    directories = {
        "EDGEPAAS_ROOT": ours.root,
        "EDGEPAAS_APP_DIR": ours.app_dir,
        "EDGEPAAS_RUN_DIR": ours.run_dir,
        "PROMETHEUS_MULTIPROC_DIR": ours.metrics,
    }
    os.environ.update({name: str(path) for name, path in directories.items()})
    os.environ["EDGEPAAS_BOOT_ID"] = ours.boot_id
    os.environ["EDGEPAAS_GRACEFUL_TIMEOUT"] = f"{ours.budget.graceful:g}"
    path = [str(ours.layer), str(ours.app_dir), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, path)))
    for name in NEEDED_BEFORE_ENV_CHECK:
        if not contract.refuses(os.environ, name):
            os.environ[name] = contract.lenient(os.environ, name)
