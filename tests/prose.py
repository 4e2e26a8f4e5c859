"""Prose of docs, docstrings and comments under proselint: `make lint` runs `python -m tests.prose`.

Typography is left out (quotes are straight in what is typed), and so is all that stands as code.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from proselint.checks import __register__
from proselint.config import DEFAULT
from proselint.registry import CheckRegistry
from proselint.tools import LintFile

ROOT = Path(__file__).parent.parent
CONFIG = {**DEFAULT, "checks": {**DEFAULT["checks"], "typography": False}}
_CODE = re.compile(r"^```.*?^```|^ {4,}.*?$|`[^`\n]*`|\]\([^)\s]*\)", re.MULTILINE | re.DOTALL)
#: between paragraphs, and between the cells of a table.
_GAP = re.compile(r"^ *$|(?<=\S) {2,}(?=\S)|\|", re.MULTILINE)


def _hidden(code: re.Match[str]) -> str:
    """As many lines as the code has, so that places stay right."""
    return "¶" + "\n¶" * code.group().count("\n")


def of_markdown(text: str) -> str:
    """A page without its code. A sign in each gap keeps the words around it apart."""
    return _GAP.sub("¶", _CODE.sub(_hidden, text))


def of_python(text: str) -> str:
    """A module's docstrings and comments, on the lines where they stand."""
    lines = ["¶"] * (text.count("\n") + 1)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring is not None:
                at = node.body[0].lineno - 1
                told = of_markdown(docstring).split("\n")
                lines[at : at + len(told)] = told
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0] - 1] = of_markdown(token.string.lstrip("#: "))
    return "\n".join(lines)


def complaints(text: str) -> Iterator[tuple[int, str]]:
    """What proselint says of a text: the line, and why."""
    if not CheckRegistry().checks:
        CheckRegistry().register_many(__register__)
    for result in LintFile("text", text).lint(CONFIG):
        yield result.pos[0], f"{result.check_result.check_path}: {result.check_result.message}"


def main() -> int:
    """The exit status: 1 where there is a complaint."""
    names = subprocess.run(
        ["git", "ls-files", "*.md", "flrouter/*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    told = 0
    for name in names:
        text = (ROOT / name).read_text("utf-8")
        for line, why in complaints(of_python(text) if name.endswith(".py") else of_markdown(text)):
            sys.stdout.write(f"{name}:{line}: {' '.join(why.split())}\n")
            told += 1
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
