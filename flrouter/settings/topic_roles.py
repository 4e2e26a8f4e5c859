"""What each topic is for. No topic has two roles, also not when an FL is added later."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from flrouter.kinds import metric_name

INBOUND = "an inbound topic"
ANSWERS = "a topic for answers"
DEAD_LETTERS = "the dead-letter topic"
ROUTER = "the router's own topic"
READ = "read topic"
WRITE = "write topic"


class Use(NamedTuple):
    """A topic and what it is for."""

    #: the setting that names it.
    setting: str
    role: str
    topic: str


def template_pattern(template: str) -> re.Pattern[str]:
    """Matches the topics of `template`; its group is the FL's id."""
    prefix, suffix = template.split("{fl}")
    return re.compile(
        f"{re.escape(prefix)}([A-Za-z0-9._-]{{1,64}}){re.escape(suffix)}", re.ASCII | re.DOTALL
    )


class FloodlightTopics:
    """The topics of FLs (protocol.md, 3.1), as templates in which `{fl}` stands for an FL's id."""

    def __init__(self, asks: str, reads: Mapping[str, str], writes: Sequence[str]) -> None:
        """Args:
        asks: where an FL reads what the router itself asks.
        reads: inbound topic → where an FL reads its commands.
        writes: the topics that an FL writes.
        """
        self.by_inbound = reads
        #: the topics that an FL reads, and those that it writes, each once.
        self.read = list(dict.fromkeys([asks, *reads.values()]))
        self.written = list(writes)
        self._patterns = [template_pattern(template) for template in writes]

    def read_by(self, fl: str) -> list[str]:
        """The topics that the FL `fl` reads."""
        return [template.replace("{fl}", fl) for template in self.read]

    def written_by(self, fl: str) -> list[str]:
        """The topics that the FL `fl` writes."""
        return [template.replace("{fl}", fl) for template in self.written]

    @property
    def uses(self) -> list[Use]:
        """All templates, with what they are for."""
        return [
            *(Use("fl_read_topic", READ, template) for template in self.read),
            *(Use("fl_write_topic", WRITE, template) for template in self.written),
        ]

    def writer_of(self, topic: str) -> str | None:
        """The id of the FL, known or not, that writes `topic`; None: it is no FL's."""
        matches = (pattern.fullmatch(topic) for pattern in self._patterns)
        return next((match[1] for match in matches if match is not None), None)


def mistaken(fl: str, fixed: Iterable[Use], topics: FloodlightTopics) -> str | None:
    """Why no FL may have the id `fl` with these topics; None: it may.

    Kafka creates no topic whose name differs from another's only in `.` and `_`. So with
    `speaker_{fl}` and `speaker.flow_{fl}` no FL can be called `flow_1`.

    Args:
        fixed: all topics with fixed names.
    """
    fixed_names = {metric_name(use.topic): use for use in fixed}
    templates = [use.topic for use in topics.uses]
    for template in templates:
        topic = template.replace("{fl}", fl)
        name = metric_name(topic)
        if name in fixed_names:
            use = fixed_names[name]
            return f"Kafka could not tell its topic {topic} from {use.topic}, {use.role}"
        for other in templates:
            match = template_pattern(metric_name(other)).fullmatch(name)
            # Of two ids that exclude each other the longer, less usual one is refused.
            if match is not None and other != template and len(match[1]) <= len(fl):
                return (
                    f"Kafka could not tell its topic {topic} from"
                    f" {other.replace('{fl}', match[1])}, which an FL {match[1]} would have"
                )
    return None


def _overlap(one: str, other: str) -> bool:
    """Whether two FL ids exist for which the templates name the same topic."""
    start, end = one.split("{fl}")
    other_start, other_end = other.split("{fl}")
    return (start.startswith(other_start) or other_start.startswith(start)) and (
        end.endswith(other_end) or other_end.endswith(end)
    )


def conflict(fixed: Iterable[Use], topics: FloodlightTopics, prefix: str) -> tuple[str, str] | None:
    """The first topic with two roles, as (setting, problem), else None.

    Args:
        fixed: all topics with fixed names, the router's own first.
        prefix: of the names of the router's own topics.
    """
    templates = topics.uses
    for at, use in enumerate(templates):
        if use.topic.startswith(prefix):
            return use.setting, f"names that begin with {prefix} are the router's own"
        for before in templates[:at]:
            if _overlap(use.topic, before.topic):
                return (
                    use.setting,
                    f"one FL's {use.role} could be another's {before.role} ({before.topic}):"
                    " expected templates that differ before or after {fl}",
                )
    seen: dict[str, Use] = {}
    for use in fixed:
        if use.role != ROUTER and use.topic.startswith(prefix):
            return use.setting, f"{use.topic}: names that begin with {prefix} are the router's own"
        before = seen.setdefault(metric_name(use.topic), use)
        shared = use.role == ANSWERS == before.role and use.topic == before.topic
        if before is not use and not shared:
            return use.setting, f"{use.topic} is {before.role} too ({before.topic})"
        for template in templates:
            if template_pattern(template.topic).fullmatch(use.topic):
                if use.role == ROUTER:
                    problem = f"{use.topic} would be an FL's topic and is the router's own"
                    return template.setting, problem
                problem = f"{use.topic} could be an FL's topic too"
                return use.setting, f"{problem} ({template.setting} is {template.topic})"
    return None
