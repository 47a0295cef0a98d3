"""Import everything the image holds: the build's last step, inside the assembled root."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import warnings
from importlib.metadata import distributions

OURS = "/opt/edgepaas"
# What PID 1 gives to every process, and a module may rely on as it is imported.
GIVEN = {"EDGEPAAS_RUN_DIR": "/run/edgepaas"}
# Modules that do something when imported.
SKIPPED = {"antigravity", "this", "__main__"}


def standard_modules() -> set[str]:
    """Return the standard library's modules that are in this image."""
    present = {module.name for module in pkgutil.iter_modules()}
    return (present & set(sys.stdlib_module_names)) - SKIPPED


def dependency_modules() -> set[str]:
    """Return the top-level names of every installed distribution."""
    names = set()
    for distribution in distributions():
        for file in distribution.files or ():
            first = file.parts[0]
            if first.endswith((".py", ".pyc")):
                names.add(first.partition(".")[0])
            elif file.parts[1:] in {("__init__.py",), ("__init__.pyc",)}:
                names.add(first)
    return {name for name in names if name.isidentifier()}


def own_modules() -> set[str]:
    """Return every module of the layer itself, but its programs."""
    found = pkgutil.walk_packages([OURS])
    return {module.name for module in found if not module.name.endswith("__main__")}


def why_broken(name: str) -> str:
    """Import module `name`; return what went wrong, an empty string for nothing."""
    try:
        importlib.import_module(name)
    except ImportError as error:
        return f"{name}: {error}"
    return ""


def main() -> int:
    """Import them all; return 1 if one cannot be."""
    warnings.simplefilter("ignore")
    os.environ.update(GIVEN)
    names = sorted(standard_modules() | dependency_modules() | own_modules())
    broken = [reason for reason in map(why_broken, names) if reason]
    report = [f"smoke: {len(names)} modules, {len(broken)} cannot be imported", *broken]
    sys.stdout.write("\n".join(report) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
