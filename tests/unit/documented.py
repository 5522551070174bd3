"""What the documentation must cover, read from the code: keys of files, commands and options, variables, links."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from penstock.cli.main import penstock

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "penstock"
DOCS = ROOT / "docs"
GETTERS = {"text", "integer", "number", "flag", "choice", "texts", "child", "children", "items", "word_map", "raw"}
"""What `penstock.documents.Fields` reads a key with."""
HELPERS = {"_moment", "_shaped", "_rows", "_bound"}
"""The readers' own functions that are given a mapping and the key to read of it."""
COMMON = {"--project", "--json", "--help"}
"""Options that the first section of the commands' page describes for all."""
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


def keys_read(*modules: str) -> set[str]:
    """Every key that these modules (relative to the package) read of a document."""
    found: set[str] = set()
    for module in modules:
        for node in ast.walk(ast.parse((SOURCE / module).read_text())):
            if isinstance(node, ast.Call):
                found |= set(_key(node))
    return found


def _key(call: ast.Call) -> Iterator[str]:
    by_method = isinstance(call.func, ast.Attribute) and call.func.attr in GETTERS
    by_helper = isinstance(call.func, ast.Name) and call.func.id in HELPERS
    arguments = call.args[:1] if by_method else call.args[1:2] if by_helper else []
    for argument in arguments:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value


def says_key(page: str, key: str) -> bool:
    """Whether a page names a key, as code or in an example."""
    return re.search(rf"(?<![\w-]){re.escape(key)}(?:`|:)", page) is not None


def commands() -> dict[str, click.Command]:
    """Every command of the command line that does something, by its words."""
    return dict(_below("penstock", penstock))


def _below(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield words, command
        return
    context = click.Context(command, help_option_names=["-h", "--help"])  # click keeps what it makes of them
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from _below(f"{words} {name}", below)


def options(command: click.Command) -> set[str]:
    """A command's options in their long spelling, without the common ones."""
    context = click.Context(command, help_option_names=["-h", "--help"])  # click keeps what it makes of them
    found = {
        word
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
        for word in (*parameter.opts, *parameter.secondary_opts)
        if word.startswith("--")
    }
    return found - COMMON


def sections(page: str) -> dict[str, str]:
    """A page's text by heading, each down to the next heading of whatever level."""
    parts = re.split(r"^#+ (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def fences(text: str, language: str) -> list[str]:
    """The code blocks of a language, in order."""
    return [body for word, body in _FENCE.findall(text) if word == language]


def without_fences(text: str) -> str:
    """A page's text without its code blocks."""
    return _FENCE.sub("", text)


def variables() -> set[str]:
    """Every environment variable that Penstock reads for its own sake: literal names, and constants `*_VARIABLE`."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        text = path.read_text()
        found |= set(re.findall(r'os\.environ(?:\.get\(|\[)"([A-Z_]+)"', text))
        found |= set(re.findall(r'^[A-Z_]+_VARIABLE = "([A-Z_]+)"', text, re.MULTILINE))
    return found


def pages() -> list[Path]:
    """Every Markdown page whose links must lead somewhere."""
    folders = (DOCS, ROOT / "examples")
    return sorted({*ROOT.glob("*.md"), *(page for folder in folders for page in folder.rglob("*.md"))})


def links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """The page's relative links: as written, the file meant, and the heading meant (or nothing)."""
    prose = without_fences(page.read_text())
    for target in _LINK.findall(re.sub(r"`[^`\n]*`", "", prose)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = target.partition("#")
        yield target, (page.parent / path if path else page), heading


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to."""
    return {_anchor(title) for _, title in _HEADING.findall(without_fences(page.read_text()))}


def _anchor(title: str) -> str:
    plain = re.sub(r"[`*]", "", title).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
