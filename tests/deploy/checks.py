"""Each check: a function that says what it looked at, or raises `Wrong` or `NotRun`."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

from tests.deploy.environment import taken
from tests.deploy.programs import (
    CHART,
    DEPLOY,
    ROOT,
    Wrong,
    compose_schema,
    helm,
    program,
    render,
    run,
)
from tests.deploy.rendered import (
    BROKER,
    RENDERED,
    history_starts,
    kubernetes,
    network_policy,
    numbers,
    pods,
    web_hosts,
    workers_start,
)


def hadolint() -> str:
    """The Dockerfile keeps hadolint's rules."""
    run(program("hadolint"), "--failure-threshold", "info", DEPLOY / "Dockerfile")
    return "Dockerfile"


def yamllint() -> str:
    """Every YAML file is well formed, without a key twice."""
    rules = "{extends: relaxed, rules: {line-length: disable, key-duplicates: enable}}"
    files = [*DEPLOY.rglob("*.yml"), CHART / "values.yaml", CHART / "production.example.yaml"]
    run(sys.executable, "-m", "yamllint", "--strict", "-d", rules, *files)
    return f"{len(files)} files"


def compose() -> str:
    """docker-compose.yml keeps the compose specification; what it names is there, and taken."""
    import jsonschema
    import yaml

    file = DEPLOY / "docker-compose.yml"
    document = yaml.safe_load(file.read_text("utf-8"))
    schema = json.loads(compose_schema().read_text("utf-8"))
    try:
        jsonschema.validate(document, schema)
    except jsonschema.ValidationError as error:
        raise Wrong(f"{error.message} at {list(error.path)}") from error
    services = document["services"]
    for name, service in services.items():
        if service["image"] == "flrouter":
            taken(service["environment"], name)
        for other in service.get("depends_on", ()):
            if other not in services:
                raise Wrong(f"{name} depends on {other}, which is no service")
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("."):
                if not (DEPLOY / source).exists():
                    raise Wrong(f"{name} mounts {source}, which is not there")
            elif source not in document["volumes"]:
                raise Wrong(f"{name} mounts {source}, which is no volume")
    return f"{len(services)} services"


def helm_lint() -> str:
    """Helm takes the chart, with its defaults and with everything switched on."""
    for values, more in RENDERED:
        chosen = ("--values", CHART / values) if values else ()
        run(helm(), "lint", "--strict", CHART, *chosen, *more)
    return "defaults, production.example.yaml"


def helm_refuses() -> str:
    """Values that cannot work stop Helm with a sentence."""
    bad = {
        "BROKER": ((), "kafka://"),
        "a password in the settings": (
            (*BROKER, "--set", "settings.SASL_PASSWORD=x"),
            "SASL_PASSWORD",
        ),
        "a database without a history": (
            (*BROKER, "--set", "secrets.historyDatabase=x"),
            "HISTORY",
        ),
        "standby with RocksDB": ((*BROKER, "--set", "settings.STANDBY=true"), "STORE"),
        "more workers than shards": (
            (*BROKER, "--set", "autoscaling.enabled=true", "--set", "autoscaling.maxReplicas=9"),
            "PARTITIONS",
        ),
    }
    for what, (arguments, told) in bad.items():
        try:
            render("", *arguments)
        except Wrong as error:
            if told not in str(error):
                raise Wrong(f"{what}: refused, but without {told!r}: {error}") from error
        else:
            raise Wrong(f"{what}: was not refused")
    return f"{len(bad)} bad values"


def settings() -> str:
    """Every setting that is named under deploy/ is one."""
    import yaml

    from flrouter.settings.model import Settings

    known = {name.upper() for name in Settings.__dataclass_fields__} | {"CONFIG"}
    named: set[str] = set()
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            named |= set(re.findall(r"FLROUTER_([A-Z_]+)\b", path.read_text("utf-8")))
    for values in ("values.yaml", "production.example.yaml"):
        named |= yaml.safe_load((CHART / values).read_text("utf-8"))["settings"].keys()
    if named - known:
        raise Wrong(f"no settings: {', '.join(sorted(named - known))}")
    return f"{len(named)} names"


def prometheus_config() -> str:
    """Prometheus takes its configuration and the alerts."""
    run(program("promtool"), "check", "config", DEPLOY / "prometheus" / "prometheus.yml")
    return "prometheus.yml, alerts.yml"


def alerts() -> str:
    """Each alert fires when it should and not before (tests/deploy/alerts_test.yml)."""
    file = ROOT / "tests" / "deploy" / "alerts_test.yml"
    run(program("promtool"), "test", "rules", file.name, folder=file.parent)
    return f"{file.read_text('utf-8').count('alertname:')} expectations"


def systemd() -> str:
    """The unit is one that systemd takes, and finds well confined."""
    analyze = program("systemd-analyze")
    unit = (DEPLOY / "systemd" / "flrouter.service").read_text("utf-8")
    if not re.search(r"^EnvironmentFile=-", unit, re.MULTILINE):
        raise Wrong("there is no place for secrets that root alone reads")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "flrouter.service"
        copy.write_text(unit.replace("/opt/flrouter/bin/flrouter", "/bin/true"), "utf-8")
        run(analyze, "verify", "--man=no", copy)
        told = run(analyze, "security", "--offline=true", "--threshold=20", "--no-pager", copy)
    return told.strip().splitlines()[-1].partition(": ")[2].strip(" 😀🙂")


CHECKS = (
    hadolint,
    yamllint,
    compose,
    helm_lint,
    helm_refuses,
    kubernetes,
    pods,
    workers_start,
    history_starts,
    network_policy,
    web_hosts,
    numbers,
    settings,
    prometheus_config,
    alerts,
    systemd,
)
