"""blue-green.ini: what is wrong is told as a whole, by name, before anything is done."""

import configparser
from pathlib import Path

import pytest

from scripts.bluegreen import config
from scripts.bluegreen.outcome import Outcome, Stopped
from scripts.checkout import ROOT

EXAMPLE = ROOT / config.EXAMPLE
LEAST = "[proxy]\nurl = http://127.0.0.1:80\nkind = nginx\n"


def load(folder: Path, text: str) -> config.Config:
    path = folder / "blue-green.ini"
    path.write_text(text)
    return config.load(path)


def problems(folder: Path, text: str) -> str:
    with pytest.raises(Stopped) as failure:
        load(folder, text)
    assert failure.value.status == Outcome.CONFIG
    return str(failure.value)


def test_two_lines_are_enough(tmp_path: Path) -> None:
    found = load(tmp_path, LEAST)
    assert found.service.name == "edgepaas"
    assert found.slots["green"].app_url == "http://127.0.0.1:8002"
    assert found.wait.proofs == 20


def test_the_example_names_every_key_with_its_default(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    uncommented = "\n".join(line.removeprefix("# ") for line in text.splitlines()[3:])
    parsed = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",))
    parsed.read_string(uncommented)
    named = {section: dict(parsed[section]) for section in parsed.sections()}
    named["service"]["env_file"] = ""
    assert named == {
        section: {key: "" if default is None else default for key, default in keys.items()}
        | ({"kind": "nginx", "url": "http://127.0.0.1"} if section == "proxy" else {})
        for section, keys in config.KEYS.items()
    }


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        "[proxy]\nkind = apache\n[servise]\n[service]\nimage = x\nenv_file = gone.env\n"
        "[slots]\nblue = 80\ngreen = 1 x\n[wait]\nready = soon\ndrain = -1\n",
    )
    for part in (
        "did you mean service?",
        "[service] image is no key",
        "gone.env cannot be read",
        "kind = apache: wanted is nginx or haproxy or hook",
        "[proxy] url must be set",
        "[slots] blue = 80: wanted are app and management port",
        "[slots] green = 1 x",
        "[wait] ready = soon: a number above 0",
        "[wait] drain = -1",
    ):
        assert part in told


def test_ports_must_differ(tmp_path: Path) -> None:
    assert "must differ" in problems(tmp_path, f"{LEAST}[slots]\nblue = 1 2\ngreen = 2 3\n")


def test_a_hook_is_named_where_it_is_the_proxy(tmp_path: Path) -> None:
    assert "hook must be set" in problems(tmp_path, LEAST.replace("nginx", "hook"))


def test_what_is_no_ini_file_is_told_without_a_traceback(tmp_path: Path) -> None:
    assert "cannot be read" in problems(tmp_path, "kind = nginx\n")


def test_the_ledger_of_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEPAAS_LEDGER_URL", "http://127.0.0.1:9/")
    found = load(tmp_path, f"{LEAST}[ledger]\nurl = http://127.0.0.1:8\n")
    assert found.ledger.url == "http://127.0.0.1:9"
    assert found.ledger.service == "edgepaas"


def test_without_a_file_it_says_what_to_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(config.VARIABLE, raising=False)
    monkeypatch.setattr(config, "USUAL_PLACES", (tmp_path / "a.ini", tmp_path / "b.ini"))
    with pytest.raises(Stopped, match=rf"copy {config.EXAMPLE} to {tmp_path}/a.ini"):
        config.find(None)
    (tmp_path / "b.ini").touch()
    assert config.find(None) == tmp_path / "b.ini"
