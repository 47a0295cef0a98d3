"""make lint: everything that can be said of the tree without running it."""

from __future__ import annotations

import shutil

from scripts import console, steps, toolbox
from scripts.steps import ABSENT, Outcome

CHECKS: dict[str, tuple[str, ...]] = {
    "lint": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "types": ("mypy",),
    "import rules": ("lint-imports",),
    "generated docs": ("python", "-m", "scripts.generate_docs", "--check"),
}
HADOLINT = ("hadolint", "Dockerfile")


def check_all() -> list[Outcome]:
    """Run every check, whatever the ones before said."""
    environment = toolbox.VENV.environment
    environment["PYTHONPATH"] = "rootfs/opt/edgepaas"
    outcomes = [steps.run_command(name, command, environment) for name, command in CHECKS.items()]
    if shutil.which(HADOLINT[0], path=environment["PATH"]):
        outcomes.append(steps.run_command("Dockerfile", HADOLINT, environment))
    else:
        outcomes.append(Outcome("Dockerfile", ABSENT, note="no hadolint for this machine"))
    return outcomes


def main() -> int:
    """Check, summarize; 1 if anything failed."""
    toolbox.VENV.ensure()
    outcomes = check_all()
    print(steps.summary(outcomes), flush=True)
    return 1 if steps.has_failed(outcomes, may_skip=False) else 0


if __name__ == "__main__":
    console.run(main)
