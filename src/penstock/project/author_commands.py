"""`authors` of `penstock.yaml`: the programs that may write changes."""

from __future__ import annotations

import re
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from penstock.model.authors import AuthorCommand
from penstock.model.pipelines import NAME_PATTERN
from penstock.project.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.documents import Fields

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
LONGEST = timedelta(days=1)


def read_author_commands(fields: Fields) -> Mapping[str, AuthorCommand]:
    """The programs by name; what is wrong is noted."""
    found = {}
    for name, author in fields.children("authors"):
        if not NAME_PATTERN.fullmatch(name):
            expected = "lower-case letters, digits and _, beginning with a letter"
            author.note("project.bad_name", f"{name!r} cannot name an author", found=name, expected=expected)
        run = author.texts("run", required=True)
        if not run or any("\0" in word for word in run):
            expected = "the words of a command, such as [python, tools/write.py]"
            author.note("project.bad_command", f"author {name} runs nothing", at="run", expected=expected)
        environment = author.texts("environment")
        for variable in environment:
            if not _VARIABLE.fullmatch(variable):
                expected = "names of environment variables, such as WRITER_TOKEN; never their values"
                message = "an entry of `environment` is no name of a variable"
                author.note("project.bad_variable", message, at="environment", expected=expected)
        found[name] = AuthorCommand(
            name=name,
            run=run,
            timeout=_timeout(author),
            network=bool(author.flag("network")),
            environment=environment,
        )
        author.unknown()
    return MappingProxyType(found)


def _timeout(author: Fields) -> timedelta:
    text = author.text("timeout")
    if text is None:
        return AuthorCommand(name="", run=()).timeout
    try:
        timeout = parse_duration(text)
    except ValueError as error:
        author.note("project.bad_duration", str(error), at="timeout", found=text, expected="such as 20m")
        return LONGEST
    if timeout > LONGEST:
        message = f"{text} is more than a day"
        author.note("project.bad_duration", message, at="timeout", found=text, expected="at most 1d")
    return timeout
