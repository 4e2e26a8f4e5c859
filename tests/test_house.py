"""The house rules: who may import whom, what every file keeps to, and that linters are content."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
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

#: the parts of flrouter that each part may import, or the modules of them; those not named here may
#: import any.
MAY_IMPORT = {
    "messages": {"messages"},
    "core": {"core", "messages"},
    "ports": {"core"},
    "clock": set(),
    "embedded": set(),
    "kinds": set(),
    "failure": {"settings"},
    "pace": set(),
    "retry": set(),
    "profiles": {"profiles", "messages", "kinds"},
    "settings": {"settings", "profiles", "messages", "kinds", "embedded"},
    "telemetry": {"telemetry", "core", "messages", "settings", "clock", "__version__"},
    "web_port": {"web_port", "settings"},
    "kafka": {"kafka", "ports", "core", "settings", "clock", "pace", "retry"},
    "history": {"history", "network", "web", "core", "settings", "failure", "retry"},
    "runtime": {"runtime", "history", "kafka", "ports", "core", "messages", "telemetry", "settings"}
    | {"clock", "pace", "retry"},
    "faust_side": {"faust_side", "runtime", "kafka", "ports", "core", "telemetry", "web_port"}
    | {"settings", "failure", "__version__"},
    "agents": {"agents", "faust_side", "runtime", "kafka", "ports", "core", "messages"},
    "speaker": {"speaker", "core.values.home", "messages", "profiles", "clock", "retry"}
    | {"ports", "kafka.patches", "kafka.producer", "telemetry.tracing"},
    "network": {"network", "messages", "web_port", "settings", "failure"}
    | {"kafka.patches", "faust_side.base"},
}
#: who may import the command line.
ABOVE_CLI = {"__main__", "cli", "demo"}
#: the rooms of each folder, from the ground up: each imports only what stands before it. "." is the
#: folder's own files, but for its doors.
ROOMS = {
    "cli": (".", "changing", "letters", "looking", "sending"),
    "core": ("values", "state", "requests", "gathers", "switches", "floodlights", "."),
    "demo": ("traffic", "."),
    "history": (".", "worker"),
    "kafka": ("cluster", "."),
    "messages": (".", "forms", "kinds"),
    "runtime": ("durability", "ownership", "state", "."),
    "speaker": (".", "kafka", "serving", "openflow", "simulated"),
    "speaker/openflow": ("switches", "flows", "."),
    "web": (
        "series",
        "calls",
        "access",
        "api",
        "metrics",
        "dashboard",
        "reference",
        ".",
    ),
    "web/api": ("reading", "."),
}
#: files that hand on what stands in the rooms of their folder, or start it.
DOORS = {"__init__.py", "__main__.py"}
#: side by side in one folder.
MAX_FILES = 12
#: a shorter file needs two readers, or is a part of its reader.
MIN_LINES = 30
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
DECIDING = {"ports.py", "runtime/durability/", "runtime/ownership/"}


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


def module_of(path: Path) -> str:
    """The name under which a file is imported, below flrouter."""
    name = str(path.relative_to(PACKAGE).with_suffix("")).replace("/", ".")
    return name.removesuffix("__init__").removesuffix(".")


#: every module, below flrouter, and its file.
OURS = {module_of(path): path for path in FILES}


def ours_in(path: Path) -> set[str]:
    """The modules of flrouter that `path` needs as it runs, below flrouter; the version is none."""
    tree = ast.parse(path.read_text("utf-8"))
    for_types = [node for node in tree.body if ast.unparse(node).startswith("if TYPE_CHECKING:")]
    tree.body = [node for node in tree.body if node not in for_types]
    names = {
        name.removeprefix("flrouter.")
        for name in imports(tree, path.relative_to(ROOT).parent.parts)
        if name.startswith("flrouter.")
    }
    return {name if name in OURS else name.rpartition(".")[0] for name in names} - {""}


def may_import(name: list[str], allowed: set[str]) -> bool:
    """Whether a name below flrouter, split at its dots, lies in one of the allowed."""
    return any(name[: len(part.split("."))] == part.split(".") for part in allowed)


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
        ".".join(name)
        for name in names
        if allowed is not None and not may_import(name[1:], allowed)
    ]
    assert not wrong


@MODULES
def test_nothing_below_imports_the_command_line(path: Path) -> None:
    """Who is started by it knows nothing of it."""
    names = {name[1] for name in imported_by(path) if name[0] == "flrouter" and name[1:]}
    assert "cli" not in names or part_of(path) in ABOVE_CLI


@pytest.mark.parametrize("folder", ROOMS)
def test_rooms_stand_on_those_before_them(folder: str) -> None:
    """What is imported within a folder lies in the same room, or in one that was named before."""
    inside, order = f"{folder.replace('/', '.')}.", ROOMS[folder]
    rooms = {path.parent.name for path in (PACKAGE / folder).glob("*/__init__.py")}
    assert {*order} == {*rooms, "."}

    def room(name: str) -> str:
        first = name.removeprefix(inside).partition(".")[0]
        return first if first in rooms else "."

    for path in (PACKAGE / folder).rglob("*.py"):
        at = order.index(room(module_of(path)))
        below = [name for name in ours_in(path) if name.startswith(inside)]
        wrong = [name for name in below if order.index(room(name)) > at]
        assert path.name in DOORS or not wrong, path


def test_no_rooms_import_each_other() -> None:
    """There is an order of all folders in which each imports only those before it."""

    def room(name: str) -> str:
        return name.rpartition(".")[0] if OURS[name].name not in DOORS else name

    graph: dict[str, set[str]] = defaultdict(set)
    for name, path in OURS.items():
        if path.name not in DOORS:
            here = room(name) or name
            graph[here] |= {room(other) or other for other in ours_in(path)} - {here}
    TopologicalSorter(graph).prepare()


def test_no_folder_is_crowded() -> None:
    """So that whoever looks into one sees at once what there is."""
    counts = {
        folder: sum(path.is_file() for path in folder.iterdir())
        for folder in {path.parent for path in FILES}
    }
    assert not [folder for folder, count in counts.items() if count > MAX_FILES]


def test_short_files_have_several_readers() -> None:
    """One that only a single module reads is a part of that module."""
    readers = Counter(name for path in FILES for name in ours_in(path))
    short = [
        name
        for name, path in OURS.items()
        if path.name not in DOORS and len(path.read_text("utf-8").splitlines()) < MIN_LINES
    ]
    assert not [name for name in short if readers[name] == 1]


def test_the_page_on_architecture_says_the_same() -> None:
    """Its tables have a row for each folder, which allow what the rules above do."""
    page = section((ROOT / "docs" / "architecture.md").read_text("utf-8"), "Who may import whom")
    *head, second = page.partition("| rooms of |")
    table = {code(row[0])[0]: row[2] for row in rows(head[0])}
    assert table.keys() == {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    for folder, cell in table.items():
        part = folder.removesuffix("/")
        told = None if cell == "anything" else {part, *code(cell)}
        assert told == MAY_IMPORT.get(part), folder
    inner = {
        code(row[0])[0].removesuffix("/"): tuple(name.removesuffix("/") for name in code(row[1]))
        for row in rows(f"| rooms of |{second}")
    }
    assert inner == ROOMS


@MODULES
def test_pure_layers_know_no_clock_and_no_network(path: Path) -> None:
    """Decisions and the wire format are functions of their arguments."""
    names = imported_by(path) if part_of(path) in PURE or is_deciding(path) else []
    assert not {name[0] for name in names} & IMPURE


def is_deciding(path: Path) -> bool:
    """Whether it is a part of the runtime that decides."""
    return str(path.relative_to(PACKAGE)).startswith(tuple(DECIDING))


def test_the_runtime_decides_behind_its_ports() -> None:
    """What decides imports nothing of the runtime but what decides."""
    assert {name for name in DECIDING if (PACKAGE / name).exists()} == DECIDING
    for path in filter(is_deciding, FILES):
        ours = [name for name in ours_in(path) if name.startswith("runtime.")]
        assert all(is_deciding(OURS[name]) for name in ours), path


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
    if path == Path(headers.__file__):
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
    assert part_of(path) in ("cli", "demo") or not printing


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
