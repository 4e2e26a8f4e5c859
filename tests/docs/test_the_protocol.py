"""`docs/protocol.md`: its citations lead somewhere, what it names is there, what it says is so."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from flrouter.messages import names
from flrouter.messages.envelope import Form
from flrouter.messages.errors import ErrorType
from flrouter.settings.model import Settings
from tests.docs.blocks import PAGES, ROOT, of_page
from tests.docs.markdown import anchor, code, headings, links, rows, section
from tests.docs.test_asyncapi import BY_CLASS, faults

PAGE = (ROOT / "docs" / "protocol.md").read_text("utf-8")
TABLE_OF_ANSWERS = "4.2 The table of answers"
#: what may cite the page.
CITING = ("flrouter", "tests", "docs", "benchmarks", "deploy", "website")
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".js", ".html", ".java"}
NUMBER = r"[0-9]+(?:\.[0-9]+)*"
#: `protocol.md, 4.2`, also `protocol.md, 2.1, 2.2 and 2.5`.
CITATION = re.compile(rf"protocol\.md,\s+({NUMBER}(?:(?:,| and)\s+{NUMBER})*)")
#: sections that demand nothing of the code, so that no docstring cites them.
EXPLAINING = {
    "1.1": "defines words",
    "1.2": "names the commits that were compared",
    "9.3": "tells OpenKilda's versions apart; what is spoken stands in the profiles",
    "10": "tells what was seen of foreign FLs; what follows from it stands in the profiles",
}
#: how the page was called before it was in the tree. Settings that end so are something else.
FORMER_NAME = re.compile(r"\bPROTOCOL\b")
TEST_LINK = re.compile(r"\[`(test_\w+)`\]\((?:\.\./)+(tests/[\w/]+\.py)\)")


def numbered(page: str) -> dict[str, str]:
    """Number → anchor, of all numbered sections."""
    split = (heading.partition(" ") for heading in headings(page) if heading[0].isdigit())
    return {number: anchor(f"{number} {title}") for number, _, title in split}


def cited(text: str) -> list[str]:
    """The numbers of the sections that a text cites."""
    return [number for numbers in CITATION.findall(text) for number in re.findall(NUMBER, numbers)]


def misleading(text: str) -> list[str]:
    """What is wrong with the citations in a file."""
    there = numbered(PAGE)
    wrong = [f"no section {number}" for number in cited(text) if number not in there]
    return wrong + [f"the page's former name: {name}" for name in FORMER_NAME.findall(text)]


def citing_files() -> Iterator[Path]:
    """All that may cite the page, but this file, which has to name what it looks for."""
    for path in (*PAGES, *(path for folder in CITING for path in (ROOT / folder).rglob("*"))):
        if path.suffix in TEXT and path != Path(__file__):
            yield path


def test_citations_lead_somewhere() -> None:
    """Each `protocol.md, N.M` names a section, and nobody calls the page by another name."""
    found = {
        str(path.relative_to(ROOT)): misleading(path.read_text("utf-8")) for path in citing_files()
    }
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    assert sum(len(cited(path.read_text("utf-8"))) for path in citing_files()) > 100


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("as it must (protocol.md, 4.2)", 0),
        ("as it must (protocol.md,\n4.2).", 0),
        ("as it must (protocol.md, 4.99)", 1),
        ("as it must (protocol.md, 11), and (protocol.md,\n    12.1)", 2),
        ("as it must (protocol.md, 4.2, 4.3 and\n    8.3)", 0),
        ("as it must (protocol.md, 4.2, 4.98 and\n    8.99)", 2),
        ("SECURITY_PROTOCOL=SSL", 0),
        ("as PROTOCOL says", 1),
        ("as PROTOCOL.md says (PROTOCOL, *Sync*)", 2),
    ],
)
def test_citations_that_lead_nowhere_are_found(text: str, wrong: int) -> None:
    """The rule above sees them, also over the end of a line."""
    assert len(misleading(text)) == wrong


def public_docstrings(module: ast.Module) -> Iterator[str]:
    """Those of a module's public classes and functions; of one that has none, its own."""
    public = [
        node
        for parent in ast.walk(module)
        if isinstance(parent, ast.Module | ast.ClassDef)
        for node in parent.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
    ]
    for node in public or [module]:
        yield ast.get_docstring(node) or ""


def test_each_section_is_cited_where_it_is_followed() -> None:
    """By the docstring of a public class or function, unless the section demands nothing.

    So whoever changes a rule finds the code, and whoever reads the code finds the rule.
    """
    numbers = numbered(PAGE)
    leaves = {number for number in numbers if f"{number}.1" not in numbers}
    followed = {
        number
        for path in (ROOT / "flrouter").rglob("*.py")
        for docstring in public_docstrings(ast.parse(path.read_text("utf-8")))
        for number in cited(docstring)
    }
    assert leaves - followed == set(EXPLAINING)


def test_sections_are_numbered_in_order() -> None:
    """1, 1.1, 1.2, 2, …: no number is missing, none is there twice."""
    numbers = [heading.split()[0] for heading in headings(PAGE)[1:]]
    major, minor = 0, 0
    for number in numbers:
        if "." in number:
            minor += 1
            assert number == f"{major}.{minor}"
        else:
            major, minor = major + 1, 0
            assert number == str(major)


def test_links_to_sections_say_their_number() -> None:
    """`[4.2](#42-…)` leads to 4.2, and `protocol.md#…` of another page to a section."""
    anchors = {anchor: number for number, anchor in numbered(PAGE).items()}
    for link in links(PAGE):
        if not link.target:
            assert anchors.get(link.anchor) == link.text, link
    for path in PAGES:
        for link in links(path.read_text("utf-8")):
            if link.target.endswith("protocol.md") and link.anchor:
                assert link.anchor in anchors, f"{path.name}: {link}"


def test_what_it_links_to_is_there() -> None:
    """Other pages with their sections, sample messages, tests."""
    for link in links(PAGE):
        if link.target:
            path = (ROOT / "docs" / link.target).resolve()
            assert path.is_file(), link
            if link.anchor:
                assert link.anchor in map(anchor, headings(path.read_text("utf-8"))), link


@cache
def functions(path: str) -> set[str]:
    """The tests in a file."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_each_row_of_the_table_of_answers_names_its_test() -> None:
    """A function in a file, which is there."""
    answers = rows(section(PAGE, TABLE_OF_ANSWERS))
    assert len(answers) > 10
    for what, _, test in answers:
        assert TEST_LINK.search(test), f"no test: {what}"


def test_every_test_that_a_page_names_is_there() -> None:
    """Functions by their links; files by their paths, or by their names alone."""
    files = {path.name for path in (ROOT / "tests").rglob("*.py")}
    for path in PAGES:
        text = path.read_text("utf-8")
        for function, file in TEST_LINK.findall(text):
            assert function in functions(file), f"{path.name}: {file} has no {function}"
        for file in re.findall(r"\btests/[\w/]+\.py\b", text):
            assert (ROOT / file).is_file(), f"{path.name}: {file}"
        for file in re.findall(r"`(test_\w+\.py)`", text):
            assert file in files, f"{path.name}: {file}"


def test_examples_are_messages() -> None:
    """Each is as the AsyncAPI document says of its class."""
    examples = [block for block in of_page("docs/protocol.md") if block.language == "json"]
    assert examples
    for block in examples:
        message = json.loads(block.text)
        assert faults(BY_CLASS[message["clazz"]], message) == [], block


def test_its_names_are_the_code_s() -> None:
    """Classes, envelopes, error types."""
    for name in vars(names).values():
        if str(name).startswith("org.openkilda"):
            assert re.search(rf"\b{name.rpartition('.')[2]}\b", PAGE), name
    envelopes = {code(row[0])[0] for row in rows(section(PAGE, "2.2 Six kinds of envelope"))}
    assert envelopes == {form.value.removeprefix(".") for form in Form}
    assert set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", section(PAGE, "2.3 Errors"))) == set(ErrorType)


def test_its_topics_are_the_settings_defaults() -> None:
    """Those that requesters write and read, and the FLs'."""
    settings = Settings()
    told = {name for row in rows(section(PAGE, "3.1 Topics")) for name in code(row[0])}
    assert told == {
        *settings.inbound_topics,
        *settings.fl_topics.read_by("<id>"),
        *settings.fl_topics.written_by("<id>"),
        *settings.topics.values(),
        "reply_to",
        "<app_id>-…",
    }


def test_answers_go_where_it_says() -> None:
    """Each kind that the table has by its whole name."""
    catalog = Settings().message_catalog
    for kinds, topic in rows(section(PAGE, "4.1 Who gets the answer")):
        for kind in code(kinds):
            full = kind.replace("…", "Ingress") if "." in kind else f"a.{kind.replace('…', 'X')}"
            assert [catalog.answer_topic(catalog.command(full))] == code(topic), kind


def test_settings_that_it_names_are_there() -> None:
    """`ACK_TIMEOUT` and the others."""
    there = {field.name.upper() for field in dataclasses.fields(Settings)}
    others = {*ErrorType, "ACTIVATED", "ADDED", "DEACTIVATED", "REMOVED", "CHANGED", "UP", "DOWN"}
    told = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=\w+)?`", PAGE))
    assert told - others <= there
