"""What `supervisorctl` can do beside its own commands: boot, drain, undrain, rerun.

One of the two files that import supervisor.
"""

import json
import os
import urllib.parse
from pathlib import Path
from typing import Any

from supervisor.supervisorctl import ControllerPluginBase, LSBInitExitStatuses

from boot.report import render_table


def make_plugin(controller: Any, **_: str) -> "Plugin":
    """Answer supervisorctl's plugin hook."""
    return Plugin(controller)


class Plugin(ControllerPluginBase):  # type: ignore[misc]  # supervisor has no types
    """Adds our commands to the prompt and to the command line."""

    name = "edgepaas"

    def do_help(self, arg: str) -> None:
        """Answer for our own commands only: supervisorctl asks every plugin."""
        if not arg or hasattr(self, f"help_{arg}"):
            super().do_help(arg)

    def do_boot(self, _: str) -> None:
        """Print the boot report as a table."""
        path = self._run_dir() / "boot.json"
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            self._fail(f"{path} cannot be read: {error}")
            return
        self.ctl.output(render_table(report).rstrip())

    def help_boot(self) -> None:
        """Say what it does."""
        self.ctl.output("boot\t\t\tThe boot as a table: each unit, its seconds and its result")

    def do_drain(self, _: str) -> None:
        """Turn readiness to 503 and go on serving."""
        self._call("drain", "draining: ready is 503, requests are still served")

    def help_drain(self) -> None:
        """Say what it does."""
        self.ctl.output("drain\t\t\tTurn readiness to 503 and go on serving")

    def do_undrain(self, _: str) -> None:
        """Take a drain back."""
        self._call("undrain", "no longer draining")

    def help_undrain(self) -> None:
        """Say what it does."""
        self.ctl.output("undrain\t\t\tTake a drain back")

    def do_rerun(self, arg: str) -> None:
        """Run a oneshot again and all that stands on it."""
        name = arg.strip()
        if not name:
            self._fail("rerun needs the name of a oneshot, as in: rerun db-wait")
            return
        self._call("rerun", f"running {name} again, then all that stands on it", name)

    def help_rerun(self) -> None:
        """Say what it does."""
        self.ctl.output("rerun <oneshot>\t\tRun a oneshot again and all that stands on it")

    def _call(self, method: str, done: str, *arguments: str) -> None:
        if not self.ctl.upcheck():
            return
        try:
            getattr(self.ctl.get_server_proxy().edgepaas, method)(*arguments)
        except Exception as error:  # noqa: BLE001 - xmlrpc's Fault, imported only to be named here
            self._fail(f"{method} failed: {getattr(error, 'faultString', error)}")
            return
        self.ctl.output(done)

    def _run_dir(self) -> Path:
        socket = urllib.parse.urlsplit(self.ctl.options.serverurl).path
        return Path(os.environ.get("EDGEPAAS_RUN_DIR") or Path(socket).parent)

    def _fail(self, words: str) -> None:
        self.ctl.output(words)
        self.ctl.exitstatus = LSBInitExitStatuses.GENERIC
