"""nginx and HAProxy from Debian's packages, with the configurations we ship."""

import os
import re
import shutil
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from scripts.checkout import ROOT
from tests.support.ports import free_port
from tests.support.skip import skip_or_fail
from tests.support.wait import wait_until

SECONDS = 20.0
NGINX = """daemon off;
user root;
worker_processes 2;
worker_shutdown_timeout 60s;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/edgepaas.conf;
}}
"""


class Proxy(ABC):
    """A proxy on a port of its own, to kill and start again."""

    program: str

    def __init__(self, folder: Path, slots: dict[str, int]) -> None:
        self.folder = folder
        self.port = free_port()
        self.slots = slots
        self._process: subprocess.Popen[bytes] | None = None
        path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
        found = shutil.which(self.program, path=path)
        if found is None:
            skip_or_fail(f"no {self.program}: apt-get install {self.program}")
        self.path = found
        self.configure()

    @abstractmethod
    def configure(self) -> None:
        """Write its configuration."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """Return what [proxy] of blue-green.ini says."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        with (self.folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self.listens, SECONDS, f"{self.program} on port {self.port}")

    def listens(self) -> bool:
        """Tell whether it takes connections; fail with its log when it has ended."""
        assert self._process is None or self._process.poll() is None, self.log()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """Kill it with all its processes, as if the host had run out of memory."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)
            self._process.wait(SECONDS)
            self._process = None
            # Workers end a moment later, and until then the kernel takes connections for them.
            wait_until(lambda: not self.listens(), SECONDS, f"the end of {self.program}")

    def log(self) -> str:
        logs = [self.folder / name for name in ("output.log", "error.log")]
        return "".join(each.read_text(errors="replace") for each in logs if each.exists())


class Nginx(Proxy):
    """nginx, whose http block has nothing but what we ship."""

    program = "nginx"

    def configure(self) -> None:
        shipped = (ROOT / "deploy/nginx/edgepaas.conf").read_text()
        text = shipped.replace("/etc/nginx/edgepaas-upstream.conf", str(self.upstream_file))
        text = text.replace("listen 80;", f"listen 127.0.0.1:{self.port};")
        assert str(self.port) in text
        (self.folder / "edgepaas.conf").write_text(text)
        (self.folder / "nginx.conf").write_text(NGINX.format(folder=self.folder))

    @property
    def upstream_file(self) -> Path:
        return self.folder / "upstream.conf"

    def start(self) -> None:
        if not self.upstream_file.exists():
            shutil.copy(ROOT / "deploy/nginx/edgepaas-upstream.conf", self.upstream_file)
        super().start()

    def command(self) -> list[str]:
        return [self.path, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]

    def settings(self) -> dict[str, object]:
        command = " ".join(self.command())
        return {
            "kind": "nginx",
            "url": self.url,
            "upstream_file": self.upstream_file,
            "test": f"{command} -t",
            "reload": f"{command} -s reload",
            "pid_file": self.folder / "nginx.pid",
        }


class HAProxy(Proxy):
    """HAProxy with the configuration we ship."""

    program = "haproxy"

    def configure(self) -> None:
        text = (ROOT / "deploy/haproxy/haproxy.cfg").read_text()
        text = text.replace("/run/haproxy/admin.sock", str(self.folder / "admin.sock"))
        text = text.replace("/var/lib/haproxy/server-state", str(self.state_file))
        text = text.replace("bind :80", f"bind 127.0.0.1:{self.port}")
        for name, port in self.slots.items():
            text = re.sub(rf"server {name} \S+", f"server {name} 127.0.0.1:{port}", text)
        (self.folder / "haproxy.cfg").write_text(text)
        self.state_file.touch()

    def listens(self) -> bool:
        if not super().listens():
            return False
        with socket.socket(socket.AF_UNIX) as probe:  # a moment later than its port
            return self._process is None or probe.connect_ex(str(self.folder / "admin.sock")) == 0

    @property
    def state_file(self) -> Path:
        return self.folder / "server-state"

    def command(self) -> list[str]:
        return [self.path, "-db", "-f", str(self.folder / "haproxy.cfg")]

    def settings(self) -> dict[str, object]:
        return {
            "kind": "haproxy",
            "url": self.url,
            "socket": self.folder / "admin.sock",
            "state_file": self.state_file,
        }
