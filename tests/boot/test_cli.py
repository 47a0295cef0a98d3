"""edgepaas: its verbs, its manners, and what its start costs."""

import subprocess
import sys
from importlib import import_module

import pytest

from boot import cli
from tests.support.native_boot import LAYER, NativeBoot
from tests.support.operator import edgepaas

ENVIRONMENT = {"PYTHONPATH": str(LAYER), "PATH": "/usr/bin:/bin"}
# What a help text does not need; each costs 5 to 60 ms.
DEAR = {"json", "logging", "pathlib", "socket", "tomllib", "dataclasses", "subprocess", "difflib"}


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_help_lists_every_verb(word: str) -> None:
    done = edgepaas(ENVIRONMENT, word)
    assert done.status == 0
    assert [line.split()[0] for line in done.out.splitlines()[2:]] == list(cli.VERBS)


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_is_there_and_says_how_it_is_used(verb: str) -> None:
    done = edgepaas(ENVIRONMENT, verb, "--help")
    assert (done.status, done.err) == (0, "")
    assert done.first.startswith(f"usage: edgepaas {verb}")
    assert callable(import_module(f"boot.verbs.{cli.VERBS[verb].module}").main)


def test_no_verb_is_a_usage_error() -> None:
    assert edgepaas(ENVIRONMENT).status == 64


def test_an_unknown_verb_is_64_with_the_nearest(boot: NativeBoot) -> None:
    done = edgepaas(boot.environment, "drian")
    assert (done.status, done.out) == (64, "")
    assert done.err.startswith("edgepaas does not know 'drian'; did you mean drain?\nusage:")
    assert "mean" not in edgepaas(boot.environment, "xyzzy").err


def test_help_imports_nothing_it_can_avoid() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-X", "importtime", "-c", CODE, str(LAYER)],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "boot.cli" in imported
    bare = subprocess.run(
        [sys.executable, "-I", "-X", "importtime", "-c", "pass"],
        capture_output=True,
        text=True,
        check=True,
    )
    of_python = {line.rpartition("|")[2].strip() for line in bare.stderr.splitlines()}
    assert sorted((imported - of_python) & DEAR) == []


CODE = "import sys; sys.path.insert(0, sys.argv[1]); from boot.cli import main; main(['--help'])"


def test_a_reader_that_leaves_is_no_traceback(boot: NativeBoot) -> None:
    command = f"{sys.executable} -m boot.cli config | true"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=boot.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert done.returncode in {0, 141}  # 0 where all was written before it left
