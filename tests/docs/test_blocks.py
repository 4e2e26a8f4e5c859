"""Every code block of README and docs is run, or at least taken by what would run it.

The tutorial and the examples of FLs and assemblers are run whole (RUN_ELSEWHERE). Of all other
commands it is looked at whether the target, the command and its options are there.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import pytest
import yaml

from tests.docs.blocks import ROOT, Block, blocks

BLOCKS = list(blocks())
#: programs that are not ours, whose lines are read and not run.
OTHERS = {"apt-get", "curl", "export", "pip", "pre-commit", "twine"}
#: pages whose blocks a test of their own runs, from top to bottom.
RUN_ELSEWHERE = {
    ("docs/tutorial.md", "sh"): "tests/docs/test_tutorial.py",
    ("docs/tutorial.md", "python"): "tests/docs/test_tutorial.py",
    ("docs/floodlight-side.md", "python"): "tests/integration/test_the_page_on_fls.py",
    ("docs/message-kinds.md", "python"): "tests/core/test_message_kinds.py",
    ("docs/message-kinds.md", "toml"): "tests/core/test_message_kinds.py",
}


def of(language: str) -> pytest.MarkDecorator:
    """A test for each block of that language that no other test runs."""
    found = [
        block
        for block in BLOCKS
        if block.language == language and (block.page, language) not in RUN_ELSEWHERE
    ]
    return pytest.mark.parametrize("block", found, ids=str)


def commands(block: Block) -> list[list[str]]:
    """The words of each line, without its comment and what stands before the command."""
    found = []
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words:
            found.append(words)
    return found


def test_there_are_blocks_and_every_language_is_looked_at() -> None:
    """A fence of another language would be looked at by nobody."""
    assert len(BLOCKS) > 20
    assert {block.language for block in BLOCKS} <= {"sh", "python", "json", "toml", "mermaid"}


@pytest.mark.parametrize("test", sorted(set(RUN_ELSEWHERE.values())))
def test_those_that_run_blocks_are_there(test: str) -> None:
    """And name the page that they take them from."""
    assert "docs" in (ROOT / test).read_text("utf-8")


@of("sh")
def test_commands_are_there(block: Block) -> None:
    """Each is one that its program takes: make's targets, flrouter's commands and options."""
    for words in commands(block):
        taken(words)


def taken(words: list[str]) -> None:
    """Fails for a command that could not work."""
    program, *rest = words
    if program == "make":
        done = _run("make", "--dry-run", *[word for word in rest if "=" not in word])
        assert done.returncode == 0, done.stderr
    elif program in ("flrouter", "faust"):
        _flrouter([word for word in rest if word not in ("-A", "flrouter", "flrouter.network")])
    elif program == "python" and rest[:1] == ["-m"]:
        done = _run(sys.executable, "-m", rest[1], "--help")
        assert done.returncode == 0, done.stderr
        for word in rest[2:]:
            assert not word.startswith("--") or word.partition("=")[0] in done.stdout, word
    else:
        assert program in OTHERS, f"nobody looks at {words}"


def _flrouter(rest: list[str]) -> None:
    path = [word for word in rest[:2] if re.fullmatch(r"[a-z]+", word)]
    done = _run(sys.executable, "-m", "flrouter", *path, "--help")
    assert done.returncode == 0, done.stderr
    for word in rest:
        if word.startswith("--"):
            assert word.partition("=")[0] in done.stdout, f"{path} has no {word}"


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


@of("python")
def test_python_compiles_and_imports_what_is_there(block: Block) -> None:
    """What needs a cluster to run has its own tests (tests/kafka/test_cluster.py)."""
    code = compile(block.text, str(block), "exec", dont_inherit=True)
    imports = "\n".join(
        line for line in block.text.splitlines() if re.match(r"(from|import) ", line)
    )
    exec(compile(imports, str(block), "exec"), {})
    assert code


@of("json")
def test_json_is_read(block: Block) -> None:
    """As it stands."""
    json.loads(block.text)


def test_hooks_and_templates_are_read() -> None:
    """What people who join get."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]
    assert [hook["id"] for hook in hooks["hooks"]] == ["format", "lint", "types"]
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.md"):
        assert yaml.safe_load(path.read_text("utf-8").split("---")[1])["name"]
