"""One target under atheris, in a process of its own: libFuzzer takes a process over.

`python -m tests.fuzz.engine TARGET [libFuzzer's own arguments]`
"""

from __future__ import annotations

import logging
import shlex
import sys

import atheris


def main() -> None:
    """Fuzz the target that the first argument names."""
    with atheris.instrument_imports(include=["flrouter"]):
        from tests.fuzz.targets import TARGETS
    from tests.fuzz.mutations import mutate

    logging.getLogger("flrouter").setLevel(logging.CRITICAL)  # hostile input is much to say
    name = sys.argv[1]
    # libFuzzer hands this to a shell when it merges, for which it runs itself again.
    again = shlex.join([sys.executable, "-W", "ignore", "-m", "tests.fuzz.engine", name])
    atheris.Setup(
        [again, *sys.argv[2:]], TARGETS[name], custom_mutator=mutate, internal_libfuzzer=True
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
