"""Which topic is for what, and that none has two roles, now or when an FL is added later."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flrouter.setting_kinds import metric_name

INBOUND = "an inbound topic"
ANSWERS = "a topic for answers"
DEAD_LETTERS = "the dead-letter topic"
ROUTER = "the router's own topic"


@dataclass(frozen=True)
class Use:
    """A topic with a fixed name, and what for."""

    #: the setting that names it.
    setting: str
    role: str
    topic: str


def template_pattern(template: str) -> re.Pattern[str]:
    """Matches the topics that `template` may name; its group is the FL's id."""
    prefix, suffix = template.split("{fl}")
    return re.compile(
        f"{re.escape(prefix)}([A-Za-z0-9._-]{{1,64}}){re.escape(suffix)}", re.ASCII | re.DOTALL
    )


def _overlap(one: str, other: str) -> bool:
    """Whether two FL ids exist for which the templates name the same topic."""
    start, end = one.split("{fl}")
    other_start, other_end = other.split("{fl}")
    return (start.startswith(other_start) or other_start.startswith(start)) and (
        end.endswith(other_end) or other_end.endswith(end)
    )


def conflict(uses: Iterable[Use], read: str, write: str, prefix: str) -> tuple[str, str] | None:
    """The first topic with two roles, as (setting, problem); None if there is none.

    Args:
        uses: all topics with fixed names, the router's own first.
        read: the template of the FLs' read topics.
        write: the template of their write topics.
        prefix: what the names of the router's own topics begin with.
    """
    templates: Mapping[str, str] = {"fl_read_topic": read, "fl_write_topic": write}
    if _overlap(metric_name(read), metric_name(write)):
        return (
            "fl_write_topic",
            f"one FL's write topic could be another's read topic ({read}):"
            " expected templates that differ before or after {fl}",
        )
    for name, template in templates.items():
        if template.startswith(prefix):
            return name, f"names that begin with {prefix} are the router's own"
    seen: dict[str, Use] = {}
    for use in uses:
        if use.role != ROUTER and use.topic.startswith(prefix):
            return use.setting, f"{use.topic}: names that begin with {prefix} are the router's own"
        before = seen.setdefault(metric_name(use.topic), use)
        shared = use.role == ANSWERS == before.role and use.topic == before.topic
        if before is not use and not shared:
            return use.setting, f"{use.topic} is {before.role} too ({before.topic})"
        for name, template in templates.items():
            if template_pattern(metric_name(template)).fullmatch(metric_name(use.topic)):
                if use.role == ROUTER:
                    return name, f"{use.topic} would be an FL's topic and is the router's own"
                return use.setting, f"{use.topic} could be an FL's topic too ({name} is {template})"
    return None
