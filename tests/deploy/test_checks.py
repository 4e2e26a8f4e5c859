"""What `make check-deploy` looks for without a program of its own; it does find what is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from flrouter.core.values.events import Event
from tests.deploy import checks
from tests.deploy.programs import DEPLOY, ROOT, Wrong

DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "flrouter.json").read_text("utf-8"))
ALERTS = (ROOT / "docs" / "alerts.yml").read_text("utf-8")
METRICS = (ROOT / "docs" / "metrics.md").read_text("utf-8")


def test_every_setting_that_deploy_names_is_one() -> None:
    """A setting that was renamed is found here, before a container does not start."""
    assert checks.settings().endswith(" names")


def test_a_name_that_is_no_setting_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And told by its name."""
    (tmp_path / "unit").write_text("Environment=FLROUTER_BROKRE=kafka://a:1\n", "utf-8")
    monkeypatch.setattr(checks, "DEPLOY", tmp_path)
    with pytest.raises(Wrong, match="BROKRE"):
        checks.settings()


def test_the_dashboard_and_the_alerts_ask_for_metrics_that_there_are() -> None:
    """All that they name is in docs/metrics.md, which a test holds against a worker."""
    asked = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    names = set(re.findall(r"flrouter_(\w+)", asked + ALERTS.replace("flrouter/flrouter", "")))
    told = set(re.findall(r"^\| `(\w+)`", METRICS, re.MULTILINE))
    told |= {f"{event.metric}_total" for event in Event}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in names} <= told


def test_the_dashboard_is_of_one_router_and_of_chosen_workers_and_floodlights() -> None:
    """Every panel looks at what is chosen, and the choices are labels that there are."""
    chosen = {each["name"]: each["definition"] for each in DASHBOARD["templating"]["list"]}
    assert list(chosen) == ["app", "worker", "floodlight"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            assert 'app_id="$app"' in target["expr"]
            assert 'instance=~"$worker"' in target["expr"]
            by_floodlight = "by (floodlight" in target["expr"]
            assert by_floodlight == ('floodlight=~"$floodlight' in target["expr"])


def test_every_alert_has_its_place_in_the_runbook() -> None:
    """Its `runbook_url` ends in a heading that is there."""
    names = re.findall(r"alert: (\w+)", ALERTS)
    runbook = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    assert re.findall(r"^## (\w+)$", runbook, re.MULTILINE) == names
    assert re.findall(r"runbook_url: \S+/docs/runbook.md#(\w+)", ALERTS) == [
        name.lower() for name in names
    ]


def test_every_expectation_of_an_alert_is_for_one_that_there_is() -> None:
    """And none is left out."""
    expected = (ROOT / "tests" / "deploy" / "alerts_test.yml").read_text("utf-8")
    assert set(re.findall(r"alertname: (\w+)", expected)) == set(
        re.findall(r"alert: (\w+)", ALERTS)
    )


def test_containers_listen_where_others_reach_them() -> None:
    """Loopback of a container is nobody's; outside of one it is where a worker listens."""
    commands = re.findall(
        r"^ *(?:CMD|command:) \[.*worker.*\]$",
        (DEPLOY / "Dockerfile").read_text("utf-8")
        + (DEPLOY / "docker-compose.yml").read_text("utf-8"),
        re.MULTILINE,
    )
    assert len(commands) == 4
    assert all(re.search(r'--web-bind"?, "?0\.0\.0\.0', command) for command in commands)
