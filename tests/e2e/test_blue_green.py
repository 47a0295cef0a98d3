"""Deploys and rollbacks under load, behind nginx and HAProxy: no request and no event lost."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.support.bluegreen.images import releases
from tests.support.bluegreen.proxies import HAProxy, Nginx, Proxy
from tests.support.bluegreen.stage import stage
from tests.support.bluegreen.traffic import Traffic
from tests.support.container import get

pytestmark = [pytest.mark.engine, pytest.mark.postgres, pytest.mark.timeout(3600)]
FACTOR = int(os.environ.get("BLUE_GREEN_ROUNDS") or 1)
DEPLOYMENTS = "/api/v1/deployments"
LEAN = {"WEB_CONCURRENCY": "1", "EDGEPAAS_DB_POOL_SIZE": "4"}


@pytest.mark.parametrize(
    ("kind", "deploys", "rollbacks"), [(Nginx, 4, 2), (HAProxy, 2, 1)], ids=["nginx", "haproxy"]
)
def test_deploys_and_rollbacks_lose_nothing(  # noqa: PLR0913, PLR0917 - what it needs of the machine
    image: str,
    postgres_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: type[Proxy],
    deploys: int,
    rollbacks: int,
) -> None:
    deploys, rollbacks = FACTOR * deploys, FACTOR * rollbacks
    env = {"DATABASE_URL": postgres_url, **LEAN}
    (tmp_path / "images").mkdir()
    with releases(image, tmp_path / "images") as made, stage(tmp_path, kind, env) as host:
        host.sections["ledger"] = {"url": host.proxy.url, "node": "edge-of-the-deploy"}
        assert "warning: not recorded" in host.does("deploy", made.new().tag), "none serves yet"
        every = deploys // rollbacks
        with Traffic(host.proxy.port) as traffic:
            for number in range(deploys):
                release = made.new()
                host.does("deploy", release.tag)
                assert host.assert_one_is_live()["through_the_proxy"]["build"] == release.build
                if number % every == every - 1:
                    host.does("rollback")
                    before = host.assert_one_is_live()["through_the_proxy"]["build"]
                    assert before == made.made[-2].build
        recorded = json.loads(get(host.proxy.port, f"{DEPLOYMENTS}?limit=1000").text)["items"]
        outcomes = [(entry["word"], entry["outcome"]) for entry in host.history()]
    with capsys.disabled():
        said = f"{kind.program}: {deploys} deploys, {rollbacks} rollbacks: {traffic.told()}"
        sys.stdout.write(f"\n{said}\n")
    assert not traffic.failed
    assert traffic.answered.keys() == {"new", "kept", "slow", "upload", "write"}
    assert [each.lost for each in traffic.followers] == [0, 0]
    assert [each.doubled for each in traffic.followers] == [0, 0]
    assert all(each.connections > deploys for each in traffic.followers)
    assert outcomes.count(("deploy", "done")) == deploys + 1
    states = [one["state"] for one in recorded]
    assert states == ["stopped"] * (deploys + rollbacks - 1) + ["live"]
    assert outcomes.count(("rollback", "done")) == rollbacks
