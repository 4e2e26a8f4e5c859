"""The house rules: who may import whom, what every file keeps to, and that linters are content."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from flrouter.messages import headers
from tests.docs.markdown import code, rows, section

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "flrouter"
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))

SETTINGS = {
    "settings",
    "setting_kinds",
    "setting_sources",
    "setting_rules",
    "topic_roles",
    "embedded",
}
#: the parts of flrouter that each part may import; those not named here may import any.
MAY_IMPORT = {
    "messages": {"messages"},
    "core": {"core", "messages"},
    "ports": {"core"},
    "kafka": {"kafka", "ports", "core"} | SETTINGS,
    "runtime": {"runtime", "history", "kafka", "ports", "core", "messages", "repairs"}
    | {"logs", "security", "tracing", "web_server", "web_tls", "__version__"}
    | SETTINGS,
    "agents": {"agents", "runtime", "ports", "core", "messages"},
    "speaker": {"speaker", "messages", "profiles", "repairs", "tracing"},
    "history": {"history", "core", "network", "web", "cli"} | SETTINGS,
    "network": {
        "network",
        "messages",
        "repairs",
        "logs",
        "security",
        "browsers",
        "web_server",
        "web_tls",
        "cli",
    }
    | SETTINGS,
    "settings": {"messages", "profiles"} | SETTINGS,
    "profiles": {"profiles", "messages", "setting_kinds"},
    "setting_kinds": set(),
    "setting_sources": {"profiles"},
    "setting_rules": {"settings"},
    "topic_roles": {"setting_kinds"},
    "embedded": set(),
    "browsers": set(),
    "web_server": set(),
    "web_tls": {"settings"},
    "logs": set(),
    "openvswitch": set(),
    "repairs": {"repairs"},
    "tracing": {"messages", "__version__"},
    "security": {"settings"},
}
#: what is being rebuilt keeps to the newest rules later.
LATER = {"history", "kafka", "runtime", "web"}
#: the pure parts get time, randomness and records as arguments, so they have no use for these.
IMPURE = {
    "aiokafka",
    "asyncio",
    "confluent_kafka",
    "datetime",
    "faust",
    "kafka",
    "mode",
    "os",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "time",
    "uuid",
}
PURE = {"core", "messages"}
#: what decides in the runtime: it has ports, and the simulator drives it without any of these.
DECIDING = {
    "ports.py",
    "runtime/catch_ups.py",
    "runtime/durability/at_least_once.py",
    "runtime/durability/changelog.py",
    "runtime/durability/exactly_once.py",
    "runtime/durability/guarantee.py",
    "runtime/formats.py",
    "runtime/lease.py",
    "runtime/ownership.py",
    "runtime/restoration.py",
    "runtime/runner.py",
}


def imports(tree: ast.AST, package: tuple[str, ...]) -> Iterator[str]:
    """The full names of all that a module in `package` imports, wherever in the file it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, *(node.module or "").split("."))).strip(".")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def part_of(path: Path) -> str:
    """The layer that a file belongs to: its folder, or the module that stands alone."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_by(path: Path) -> list[list[str]]:
    """What `path` imports, each name split at its dots."""
    package = path.relative_to(ROOT).parent.parts
    tree = ast.parse(path.read_text("utf-8"))
    return [name.split(".") for name in imports(tree, package)]


def public(body: list[ast.stmt], where: str = "") -> Iterator[tuple[str, ast.AST]]:
    """The public classes and functions of a module, and the public methods of those classes."""
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        decorators = {ast.unparse(item).rpartition(".")[2] for item in node.decorator_list}
        if node.name.startswith("_") or decorators & {"overload", "setter", "override"}:
            continue
        yield f"{where}{node.name}", node
        if isinstance(node, ast.ClassDef):
            yield from public(node.body, f"{where}{node.name}.")


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import flrouter.core.home as home", ["flrouter.core.home"]),
        ("from flrouter import settings", ["flrouter.settings"]),
        ("def f():\n    from ..core import home", ["flrouter.core.home"]),
        ("from . import shard", ["flrouter.runtime.shard"]),
        ("from .shard import Shard", ["flrouter.runtime.shard.Shard"]),
    ],
)
def test_imports_are_found_in_every_form(source: str, names: list[str]) -> None:
    """The rule below sees an import however it is written."""
    assert list(imports(ast.parse(source), ("flrouter", "runtime"))) == names


@MODULES
def test_import_directions(path: Path) -> None:
    """Each layer imports only those that the design puts below it."""
    allowed = MAY_IMPORT.get(part_of(path))
    names = [name for name in imported_by(path) if name[0] == "flrouter"]
    wrong = [
        ".".join(name) for name in names if allowed is not None and not allowed & set(name[1:2])
    ]
    assert not wrong


def test_the_page_on_architecture_says_the_same() -> None:
    """Its table has a row for each folder, which allows what the rule above does."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = {code(row[0])[0]: row[2] for row in rows(section(page, "Who may import whom"))}
    assert table.keys() == {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    for folder, cell in table.items():
        part = folder.removesuffix("/")
        told = None
        if cell != "anything":
            told = {part, *code(cell), *(SETTINGS if "the settings" in cell else ())}
        assert told == MAY_IMPORT.get(part), folder


@MODULES
def test_pure_layers_know_no_clock_and_no_network(path: Path) -> None:
    """Decisions and the wire format are functions of their arguments."""
    names = imported_by(path) if part_of(path) in PURE or is_deciding(path) else []
    assert not {name[0] for name in names} & IMPURE


def is_deciding(path: Path) -> bool:
    """Whether it is a part of the runtime that decides."""
    return str(path.relative_to(PACKAGE)) in DECIDING


def test_the_runtime_decides_behind_its_ports() -> None:
    """What decides imports nothing of the runtime but what decides."""
    assert {str(path.relative_to(PACKAGE)) for path in FILES} >= DECIDING
    inside = {name.removesuffix(".py").replace("/", ".") for name in DECIDING}
    for path in filter(is_deciding, FILES):
        ours = [name for name in imported_by(path) if name[:2] == ["flrouter", "runtime"]]
        wrong = [
            ".".join(name)
            for name in ours
            if not {".".join(name[1:]), ".".join(name[1:-1])} & inside
        ]
        assert not wrong


@MODULES
def test_files_are_short_and_named_for_what_they_hold(path: Path) -> None:
    """A file has at most 500 lines and a name that says something."""
    assert len(path.read_text("utf-8").splitlines()) <= 500
    words = set(path.stem.split("_")) | {path.parent.name}
    assert not words & {"util", "utils", "helper", "helpers", "common", "manager", "managers"}


@MODULES
def test_everything_public_has_a_docstring(path: Path) -> None:
    """Every module, class, function and method says what it is for."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes: list[tuple[str, ast.AST]] = [("the module", tree), *public(tree.body)]
    silent = [
        name
        for name, node in nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not ast.get_docstring(node)
    ]
    assert not silent


@MODULES
def test_names_of_record_headers_stand_in_one_place(path: Path) -> None:
    """Others take them from `messages/headers.py`."""
    if path == Path(headers.__file__) or part_of(path) in LATER:
        return
    names = {text for name, text in vars(headers).items() if name.isupper()}
    names -= {headers.PREFIX, headers.TRACE}  # which are words, too
    constants = [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)
    ]
    assert not {node.value for node in constants} & names


@MODULES
def test_only_the_command_line_prints(path: Path) -> None:
    """Other code logs, or returns what it has to say."""
    tree = ast.parse(path.read_text("utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    printing = [func for func in calls if isinstance(func, ast.Name) and func.id == "print"]
    assert part_of(path) == "cli" or not printing


def test_installed_versions_are_those_that_we_ask_for() -> None:
    """Faust above all: the runtime overrides parts of it that only the pinned range has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [Requirement(text) for text in project["dependencies"]]
    assert "faust-streaming" in {requirement.name for requirement in wanted}
    wrong = [
        f"{requirement}, installed is {version(requirement.name)}"
        for requirement in wanted
        if requirement.marker is None or requirement.marker.evaluate()
        if version(requirement.name) not in requirement.specifier
    ]
    assert not wrong


@pytest.mark.lint
@pytest.mark.parametrize(
    "command",
    [
        "ruff check",
        "ruff format --check",
        "mypy --strict flrouter",
        "vulture",
        "codespell",
        "python -m tests.prose",
        "actionlint",
    ],
)
def test_linters_are_content(command: str) -> None:
    """`make lint` would pass."""
    program, *arguments = command.split()
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
