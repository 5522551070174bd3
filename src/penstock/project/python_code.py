"""What a Python file reaches: its imports, and a digest of its code and all project code that it imports."""

from __future__ import annotations

import ast
import hashlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What parsing raises for text that is no Python; the last two for text that is nested too deep."""

LIMITS = frozenset({"batch", "concurrency", "memory", "pool", "priority", "secrets", "timeout"})
"""The arguments of `@task` that are no part of what a dataset is."""


def code_digest(file: str, sources: Mapping[str, str], *, as_script: bool = False) -> str:
    """SHA-256 of a file and every project file it imports, without comments, layout and docstrings.

    What `@task` says of secrets and limits is left out. A script finds modules beside itself as well.
    """
    seen: dict[str, str] = {}
    todo = [file]
    while todo:
        path = todo.pop()
        if path in seen or path not in sources:
            continue
        try:
            tree = ast.parse(sources[path])
        except UNPARSABLE:
            seen[path] = sources[path]
            continue
        if path == file:
            _forget_limits(tree)
        beside = f"{PurePosixPath(file).parent}/" if as_script else ""
        todo.extend(candidate for candidate in _imported(tree, beside) if candidate in sources and candidate != path)
        seen[path] = ast.dump(_without_docstrings(tree))
    joined = "\n".join(f"{path}\n{seen[path]}" for path in sorted(seen))
    return hashlib.sha256(joined.encode()).hexdigest()


def top_modules(tree: ast.Module) -> tuple[str, ...]:
    """The first words of all modules that a file imports, wherever it does, sorted."""
    return tuple(sorted({module.partition(".")[0] for module in _modules(tree)}))


def imported_names(tree: ast.Module) -> dict[str, str]:
    """What names mean by the file's top-level imports, those for type checkers included: name to dotted original.

    >>> imported_names(ast.parse("import polars as pl"))
    {'pl': 'polars'}
    >>> imported_names(ast.parse("from polars import LazyFrame as Lazy"))
    {'Lazy': 'polars.LazyFrame'}
    """
    names: dict[str, str] = {}
    for node in _top_level(tree.body):
        if isinstance(node, ast.Import):
            names.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return names


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If):
            yield from _top_level(node.body)
        elif isinstance(node, ast.Try):
            yield from _top_level([*node.body, *(each for handler in node.handlers for each in handler.body)])
        else:
            yield node


def _imported(tree: ast.Module, beside: str) -> list[str]:
    """The files that may hold the imported modules."""
    modules: set[str] = set()
    for node in ast.walk(tree):
        modules.update(_modules_of(node, with_members=True))
    paths = [f"{module.replace('.', '/')}{end}" for module in sorted(modules) for end in (".py", "/__init__.py")]
    return [*paths, *(f"{beside}{path}" for path in paths if beside)]


def _modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        yield from _modules_of(node, with_members=False)


def _modules_of(node: ast.AST, *, with_members: bool) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        yield node.module
        if with_members:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _forget_limits(tree: ast.Module) -> None:
    """Take out of `@task` what decides when and where its function runs, and not which rows it makes."""
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    for decorator in (each for function in functions for each in function.decorator_list):
        if (
            isinstance(decorator, ast.Call)
            and getattr(decorator.func, "id", getattr(decorator.func, "attr", "")) == "task"
        ):
            decorator.keywords = [keyword for keyword in decorator.keywords if keyword.arg not in LIMITS]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
    return tree
