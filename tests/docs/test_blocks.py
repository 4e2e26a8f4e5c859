"""Every code block of README and docs is run, or it is said here why not (NOT_RUN).

Pages that stand in RUN_ELSEWHERE are run whole. Of what is not run it is looked at whether the
target, the command and its options are there.
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
CI = "CI runs the target itself"
#: pages whose blocks a test of their own runs, from top to bottom.
RUN_ELSEWHERE = {
    ("docs/tutorial.md", "sh"): "tests/docs/test_tutorial.py",
    ("docs/tutorial.md", "python"): "tests/docs/test_tutorial.py",
    ("docs/api.md", "sh"): "tests/docs/test_pages.py",
    ("docs/command-line.md", "sh"): "tests/docs/test_pages.py",
    ("docs/command-line.md", "text"): "tests/cli/test_top.py",
    ("docs/growth.md", "sh"): "tests/docs/test_pages.py",
    ("docs/openkilda.md", "sh"): "tests/docs/test_pages.py",
    ("docs/testing.md", "python"): "tests/kafka/test_the_page_on_testing.py",
    ("docs/floodlight-side.md", "python"): "tests/integration/test_the_page_on_fls.py",
    ("docs/message-kinds.md", "python"): "tests/core/test_message_kinds.py",
    ("docs/message-kinds.md", "toml"): "tests/core/test_message_kinds.py",
    ("docs/profiles.md", "toml"): "tests/test_profiles.py",
}
#: how a line begins that no test of the docs runs → why.
NOT_RUN = {
    "make setup": CI,
    "make lint": CI,
    "make simulate": CI,
    "make fuzz": CI,
    "make test": CI,
    "make test-busy": "it is `make test`, beside other processes",
    "make test-kafka": CI,
    "make quick": "a part of `make test`",
    "make kafka": "it runs until somebody ends it; tests/kafka starts the same brokers",
    "make demo": "tests/docs/test_first_commands.py runs it",
    "make lock": "it changes files; tests/release/test_requirements.py looks at them",
    "make screenshots": "it changes files of the docs; tests/browser looks at the same pages",
    "make chaos ARGS=--upgrade": "it takes ten minutes; tests/upgrade has its parts",
    "make bench-dashboard": "it takes ten minutes of a quiet machine",
    "flrouter demo --switches ovs": "tests/openflow runs it",
    "flrouter speaker --id fl-1 --openflow": "tests/docs/test_pages.py runs it for the README",
    "python -m benchmarks.model": "tests/docs/test_pages.py looks at its figures",
    "kafka-consumer-groups.sh": "tests/kafka/test_the_page_on_operating.py runs it",
    "flrouter history": "tests/history/test_from_worker_to_search.py",
    "flrouter profile": "tests/cli/test_profile.py",
    "apt-get install": "it changes the machine; `make programs` does it",
    "pip install": "it changes the environment; `make dist` does it in an empty one",
    # The other lines of the README's block.
    "export FLROUTER_BROKER": "tests/docs/test_pages.py runs it with a broker that is there",
    "flrouter worker": "tests/docs/test_pages.py",
    "flrouter floodlight add": "tests/docs/test_pages.py",
    "flrouter speaker": "tests/docs/test_pages.py",
    "faust -A flrouter.network worker": "tests/docs/test_pages.py",
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
    languages = {block.language for block in BLOCKS}
    assert languages <= {"sh", "python", "json", "toml", "mermaid", "text"}


@pytest.mark.parametrize("language", ["python", "toml", "text"])
def test_all_code_is_run(language: str) -> None:
    """By a test that takes it from the page; `text` is what a command prints."""
    pages = {block.page for block in BLOCKS if block.language == language}
    assert {(page, language) for page in pages} <= RUN_ELSEWHERE.keys()


@pytest.mark.parametrize("test", sorted(set(RUN_ELSEWHERE.values())))
def test_those_that_run_blocks_are_there(test: str) -> None:
    """And name the page that they take them from."""
    assert "docs" in (ROOT / test).read_text("utf-8")


@of("sh")
def test_commands_are_there(block: Block) -> None:
    """Each is one that its program takes: make's targets, flrouter's commands and options."""
    for words in commands(block):
        line = " ".join(words)
        known = [start for start in NOT_RUN if line.startswith(start)]
        assert known, f"nobody runs `{line}`, and NOT_RUN does not say why"
        taken(words)


def test_what_ci_is_said_to_run_it_does() -> None:
    """By the target's name."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    for line, why in NOT_RUN.items():
        if why == CI:
            assert re.search(rf"^ *{line}\b", script, re.MULTILINE), line


def taken(words: list[str]) -> None:
    """Fails for a command that could not work."""
    program, *rest = words
    if program == "make":
        done = _run("make", "--dry-run", *[word for word in rest if "=" not in word])
        assert done.returncode == 0, done.stderr
    elif program in ("flrouter", "faust"):
        _flrouter([word for word in rest if word not in ("-A", "flrouter", "flrouter.network")])


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
