"""Checks of what Helm makes of the chart."""

from __future__ import annotations

import tempfile
from typing import Any
from urllib.parse import urlsplit

from flrouter.settings.model import Settings
from tests.deploy.environment import taken
from tests.deploy.programs import Wrong, render

BROKER = ("--set", "settings.BROKER=kafka://kafka:9092")
#: (file of values, arguments): the chart as it comes, and with everything switched on.
RENDERED = (("", BROKER), ("production.example.yaml", ()))
#: they come with operators, and no package that can be had here has their schemas.
CUSTOM = {"ScaledObject", "PodMonitor", "PrometheusRule"}
#: s; how long Kafka may be away while a worker starts: it opens its port afterwards.
PATIENCE = 3600
#: such as Helm reads as floats from a file, though not from `--set`.
NUMBERS = """
settings: {MAX_MESSAGE_BYTES: 2000000, ALIVE_INTERVAL: 0.5}
autoscaling: {enabled: true, lagThreshold: 1000000}
"""


def manifests(values: str, more: tuple[str, ...]) -> list[dict[str, Any]]:
    """What Helm makes of the chart."""
    import yaml

    return [each for each in yaml.safe_load_all(render(values, *more)) if each]


def only(kind: str, values: str, more: tuple[str, ...]) -> dict[str, Any]:
    """The one manifest of this kind."""
    (found,) = (each for each in manifests(values, more) if each["kind"] == kind)
    return found


def given(values: str, more: tuple[str, ...]) -> Settings:
    """What a worker is started with. Raises :class:`Wrong` when it would not start."""
    return _environment(only("StatefulSet", values, more), f"a worker with {values or 'defaults'}")


def _environment(pods: dict[str, Any], who: str) -> Settings:
    """What the pods of a manifest are started with."""
    (container,) = pods["spec"]["template"]["spec"]["containers"]
    environ: dict[str, str] = {}
    for variable in container["env"]:
        name = variable["name"]
        # What a Secret has instead: any text, and any file that is there.
        secret = "postgresql://db/history" if name.endswith("DATABASE") else f"the-secret-of-{name}"
        environ[name] = __file__ if name.endswith("FILE") else variable.get("value", secret)
    return taken(environ, who)


def kubernetes() -> str:
    """All that Helm renders keeps the Kubernetes API's schemas, strictly."""
    import kubernetes_validate

    seen: list[str] = []
    for values, more in RENDERED:
        for manifest in manifests(values, more):
            kind = manifest["kind"]
            if kind not in CUSTOM:
                try:
                    kubernetes_validate.validate(manifest, "1.32", strict=True)
                except kubernetes_validate.ValidationError as error:
                    raise Wrong(f"{kind}: {error.message} at {list(error.path)}") from error
            seen.append(kind)
    left = sorted(CUSTOM & set(seen))
    return (
        f"{len(seen) - sum(map(seen.count, left))} manifests; without a schema: {', '.join(left)}"
    )


def pods() -> str:
    """What the schemas do not ask for: probes, no root, no writing, limits, volumes."""
    for values, more in RENDERED:
        workers = only("StatefulSet", values, more)
        pod = workers["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if container[probe]["httpGet"]["path"] not in ("/healthz", "/readyz"):
                raise Wrong(f"{probe} asks for a page that is not there")
        start = container["startupProbe"]
        if start["periodSeconds"] * start["failureThreshold"] < PATIENCE:
            raise Wrong("a worker that waits for Kafka when it starts is killed for it")
        if pod.get("enableServiceLinks", True):
            raise Wrong("a release named flrouter gives its workers FLROUTER_... of its Services")
        security = container["securityContext"]
        if not (pod["securityContext"]["runAsNonRoot"] and security["readOnlyRootFilesystem"]):
            raise Wrong("workers may be root, or may write to their image")
        if not {"requests", "limits"} <= container["resources"].keys():
            raise Wrong("no requests or no limits")
        if "--web-bind=0.0.0.0" not in container["args"]:
            raise Wrong("a worker that listens on loopback, which no other pod reaches")
        there = {volume["name"] for volume in pod["volumes"]}
        there |= {claim["metadata"]["name"] for claim in workers["spec"]["volumeClaimTemplates"]}
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        if mounted != there:
            raise Wrong(f"mounted {sorted(mounted)}, there are {sorted(there)}")
    return "probes, service links, security context, resources, volumes"


def workers_start() -> str:
    """Workers take the settings that the chart gives them."""
    for values, more in RENDERED:
        given(values, more)
    return "defaults, production.example.yaml"


def history_starts() -> str:
    """The history worker takes what the chart gives it, and is no worker of the router's."""
    values, more = RENDERED[-1]
    deployment = only("Deployment", values, more)
    settings = _environment(deployment, "the history worker")
    if not settings.history_database.startswith("postgresql://"):
        raise Wrong("the history worker has no database that the workers reach")
    workers = given(values, more)
    asked = urlsplit(workers.history_url)
    names = [each["metadata"]["name"] for each in manifests(values, more)]
    if f"{asked.hostname}:{asked.port}" not in {f"{name}.sdn.svc:6066" for name in names}:
        raise Wrong(f"workers ask for the history at {workers.history_url}, which no Service is")
    if (asked.scheme == "https") is not bool(settings.web_certfile):
        raise Wrong("workers and the history worker do not agree on TLS")
    if settings.read_token != workers.read_token:
        raise Wrong("the history worker does not admit workers")
    pod = deployment["spec"]["template"]
    if any(each["kind"] == "Deployment" for each in manifests(*RENDERED[0])):
        raise Wrong("there is a history worker without a database")
    routers = only("StatefulSet", values, more)["spec"]["selector"]["matchLabels"]
    if routers.items() <= pod["metadata"]["labels"].items():
        raise Wrong("Services would lead to the history worker")
    container = pod["spec"]["containers"][0]
    if not container["securityContext"]["readOnlyRootFilesystem"]:
        raise Wrong("the history worker may write to its image")
    return "settings, labels, security context"


def web_hosts() -> str:
    """Workers answer to the names of their Services, and to those that the values add."""
    for values, more in RENDERED:
        services = [each for each in manifests(values, more) if each["kind"] == "Service"]
        (api,) = (
            service["metadata"]["name"]
            for service in services
            if service["metadata"]["name"].endswith("-api")
        )
        names = given(values, (*more, "--set", "settings.WEB_HOSTS=flrouter.example")).web_hosts
        wanted = {api, f"{api}.sdn", ".sdn.svc", "flrouter.example"}
        if not wanted <= set(names):
            raise Wrong(f"{wanted - set(names)} are not among the names of the web port")
    return ", ".join(names)


def network_policy() -> str:
    """Workers may talk to all that their settings name."""
    ports: set[int] = set()
    for values, more in RENDERED:
        settings = given(values, more)
        named = {int(server.rpartition(":")[2]) for server in settings.bootstrap_servers}
        if settings.traces_url:
            named.add(urlsplit(settings.traces_url).port or 0)
        if settings.history_database:
            named.add(5432)
        egress = only("NetworkPolicy", values, more)["spec"]["egress"]
        shut = named - {port["port"] for rule in egress for port in rule["ports"]}
        if shut:
            raise Wrong(f"{values or 'the defaults'}: no way out to port {sorted(shut)}")
        ports |= named
    return f"ports {', '.join(map(str, sorted(ports)))}"


def numbers() -> str:
    """Numbers of a file of values come through as they stand there."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(NUMBERS)
        file.flush()
        settings = given(file.name, BROKER)
        lag = only("ScaledObject", file.name, BROKER)["spec"]["triggers"][0]["metadata"]
    found = settings.max_message_bytes, settings.alive_interval, lag["lagThreshold"]
    if found != (2_000_000, 0.5, "1000000"):
        raise Wrong(f"became {found}")
    return "whole ones and fractions"
