"""`docs/faust.md` lists every place that patches a library."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT
from tests.docs.markdown import code, rows, section

PACKAGE = ROOT / "flrouter"
PAGE = (ROOT / "docs" / "faust.md").read_text("utf-8")
LIBRARIES = {"aiokafka", "faust", "kafka", "mode"}


@cache
def methods() -> frozenset[str]:
    """What aiokafka's classes can be told to do; properties are what their objects hold."""
    spec = find_spec("aiokafka")
    assert spec is not None
    assert spec.origin is not None
    classes = (
        node
        for path in Path(spec.origin).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    return frozenset(
        node.name
        for body in classes
        for node in body.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list
    )


def root(node: ast.expr) -> str:
    """The name that `a.b[c].d` begins with."""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return ""
    return node.id


def from_libraries(tree: ast.Module) -> set[str]:
    """The names under which a module has something of a library, wherever it imports it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {
                alias.asname or alias.name.partition(".")[0]
                for alias in node.names
                if alias.name.partition(".")[0] in LIBRARIES
            }
        elif isinstance(node, ast.ImportFrom) and not node.level:
            library = (node.module or "").partition(".")[0]
            names |= {alias.asname or alias.name for alias in node.names if library in LIBRARIES}
    return names


def is_set(tree: ast.Module) -> Iterator[tuple[ast.expr, str]]:
    """(object, name) of each attribute that is set or taken away, by whatever means."""
    counters = {id(node.target) for node in ast.walk(tree) if isinstance(node, ast.AugAssign)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            if id(node) not in counters or node.attr.startswith("_"):
                yield node.value, node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "delattr"):
            what, name = node.args[:2]
            if isinstance(name, ast.Constant):
                yield what, str(name.value)
            elif root(what) in from_libraries(tree):
                yield what, ast.unparse(name)


def patches(source: str) -> set[str]:
    """The attributes that a module sets of a library's.

    That is: of a name that it imports from one; private ones of any object but its own; and, where
    a library is at hand, those that are methods there.
    """
    tree = ast.parse(source)
    imported = from_libraries(tree)
    own = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.ClassDef)
        for inner in ast.walk(outer)
        if isinstance(inner, ast.Name) and inner.id in ("self", "cls")
    }
    return {
        name
        for what, name in is_set(tree)
        if id(what) not in own
        if root(what) in imported
        or (name.startswith("_") and not name.startswith("__") and not name.endswith("_"))
        or (imported and name in methods())
    }


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from aiokafka.consumer import fetcher\nfetcher.Fetcher.close = own", {"close"}),
        ("import aiokafka\nsetattr(aiokafka.AIOKafkaConsumer, 'seek', own)", {"seek"}),
        ("import faust\ndef f(app): app._run = own", {"_run"}),
        ("def f(consumer): consumer._wait = 1", {"_wait"}),
        ("class A:\n  def f(self): self.consumer._wait: int = 1", {"_wait"}),
        ("import aiokafka\ndef f(producer): producer.client.send = own", {"send"}),
        ("from mode import Service\ndel Service.stop", {"stop"}),
        ("class A:\n  def f(self): self._own = 1", set()),
        ("def f(self): self._closed = True", {"_closed"}),
        ("def f(row): row.send = 1", set()),
        ("class A:\n  def __new__(cls): event._value_ = 1", set()),
        ("import aiokafka\nclass A:\n  def f(self): self.counts.seek += 1", set()),
    ],
)
def test_patches_are_found_in_every_form(source: str, found: set[str]) -> None:
    """The rule below sees them however they are written, and no module's own attributes."""
    assert patches(source) == found


def test_every_patch_is_on_the_page() -> None:
    """And none that there is not."""
    listed = {
        (where, name)
        for row in rows(section(PAGE, "What is patched"))
        for where in code(row[0])
        for name in code(row[1])
    }
    there = {
        (str(path.relative_to(PACKAGE)), name)
        for path in PACKAGE.rglob("*.py")
        for name in patches(path.read_text("utf-8"))
    }
    assert there == listed
