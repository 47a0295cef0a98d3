"""PID 1's own settings, read before anything is checked: a wrong value counts as its default.

env-check reports what is wrong; PID 1 must be able to run env-check to begin with.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from boot.budget import StopBudget, derive
from boot.contract import Contract, default_root

BOOT_ID_BYTES = 6


@dataclass(frozen=True)
class Settings:
    """Directories and policies of this boot."""

    root: Path
    app_dir: Path
    run_dir: Path
    data_dir: Path
    boot_id: str
    log_format: str
    budget: StopBudget
    hold: bool

    @property
    def layer(self) -> Path:
        """Return the directory our packages stand in."""
        return self.root / "opt/edgepaas"

    @property
    def conf_d(self) -> Path:
        """Return the directory of the unit files."""
        return self.root / "etc/supervisor/conf.d"

    @property
    def base_config(self) -> Path:
        """Return supervisord's own configuration."""
        return self.root / "etc/supervisor/supervisord.conf"

    @property
    def environment(self) -> Path:
        """Return the container environment directory."""
        return self.run_dir / "env"

    @property
    def metrics(self) -> Path:
        """Return the directory of prometheus_client's multiprocess files."""
        return self.run_dir / "metrics"


def read(contract: Contract, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of an environment. Never raises."""

    def value(name: str) -> str:
        return contract.lenient(environ, name)

    return Settings(
        root=default_root(environ),
        app_dir=Path(value("EDGEPAAS_APP_DIR")),
        run_dir=Path(value("EDGEPAAS_RUN_DIR")),
        data_dir=Path(value("EDGEPAAS_DATA_DIR")),
        boot_id=os.urandom(BOOT_ID_BYTES).hex(),
        log_format=value("LOG_FORMAT"),
        budget=_budget(contract, environ),
        hold=value("EDGEPAAS_ON_FAILURE") == "hold",
    )


def _budget(contract: Contract, environ: Mapping[str, str]) -> StopBudget:
    names = ("EDGEPAAS_STOP_TIMEOUT", "EDGEPAAS_DRAIN_DELAY")
    try:
        return derive(*(float(contract.lenient(environ, name)) for name in names))
    except ValueError:
        return derive(*(float(contract.lenient({}, name)) for name in names))
