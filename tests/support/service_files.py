"""Files mounted into a container of the image: units, apps. Imports nothing of ours."""

from pathlib import Path

CONF_D = "/etc/supervisor/conf.d"


def mounted(directory: Path, target: str, text: str) -> str:
    """Write `text` into `directory`; return the `docker run` option that mounts it at `target`."""
    file = directory / target.strip("/").replace("/", "-")
    file.write_text(text)
    file.chmod(0o644)
    return f"--volume={file}:{target}:ro"


def unit(directory: Path, name: str, command: str, *lines: str, kind: str = "oneshot") -> str:
    """Write the file of a unit; return the option that mounts it as 60-NAME.conf."""
    keys = "\n".join([f"type = {kind}", *lines])
    text = f"[program:{name}]\ncommand = {command}\n\n[unit:{name}]\n{keys}\n"
    return mounted(directory, f"{CONF_D}/60-{name}.conf", text)


def module(directory: Path, name: str, source: str) -> str:
    """Write a Python module; return the option that mounts it where the app is found."""
    return mounted(directory, f"/srv/{name}.py", source)
