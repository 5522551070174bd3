"""`NAME.py`: the one function under `@task`, read from its source text; nothing is imported or run."""

from __future__ import annotations

import ast
import hashlib
from typing import TYPE_CHECKING, Any

from penstock.model.findings import Finding, Place
from penstock.model.intervals import Grain
from penstock.model.pipelines import Dataset, IntervalBy, Materialization, PythonTask
from penstock.project.sql_file import INTERVAL

if TYPE_CHECKING:
    from collections.abc import Mapping

_MODES = (Materialization.TABLE, Materialization.INCREMENTAL)
_ARGUMENTS = ("reads", "materialize", "interval")


def read_python(name: str, file: str, sources: Mapping[str, str], findings: list[Finding]) -> Dataset | None:
    """One Python dataset; `sources` holds the project's Python files. What is wrong is added to `findings`.

    A file without `@task` is code that tasks import, and makes no dataset: None without a finding.
    """
    text = sources[file]
    try:
        tree = ast.parse(text, filename=file)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two: nested too deep
        line = getattr(error, "lineno", None)
        message = f"{file} is not Python: {getattr(error, 'msg', None) or str(error) or 'nested too deep'}"
        findings.append(
            _finding("project.python_syntax", message, file, line, text, name, expected="Python that can be parsed")
        )
        return None
    for node in tree.body:
        if _is_half_marked(node):
            message = "@task marks no plain function, or has no arguments"
            expected = '@task(reads={"parameter": "pipeline.dataset"}) over a `def`'
            findings.append(_finding("project.bad_task", message, file, node.lineno, text, name, expected=expected))
            return None
    marked = [(node, call) for node in tree.body if isinstance(node, ast.FunctionDef) and (call := _task_call(node))]
    if not marked:
        return None
    if len(marked) > 1:
        line = marked[1][0].lineno
        message = f"{file} has {len(marked)} functions under @task"
        findings.append(_finding("project.many_tasks", message, file, line, text, name, expected="one a file"))
        return None
    return _dataset(name, file, sources, findings, marked[0])


def _dataset(
    name: str,
    file: str,
    sources: Mapping[str, str],
    findings: list[Finding],
    marked: tuple[ast.FunctionDef, ast.Call],
) -> Dataset | None:
    function, call = marked
    before = len(findings)
    values = _arguments(call, name, file, sources[file], findings)
    reads = values.get("reads")
    kept = values.get("materialize", "table")
    interval = values.get("interval")
    parameters = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}

    def note(message: str, expected: str) -> None:
        findings.append(
            _finding("project.bad_task", message, file, function.lineno, sources[file], name, expected=expected)
        )

    if not isinstance(reads, dict) or not all(isinstance(part, str) for pair in reads.items() for part in pair):
        note("@task has no `reads` mapping", '@task(reads={"parameter": "pipeline.dataset"})')
    elif set(reads) != parameters:
        note(f"{function.name} takes {sorted(parameters)} but reads {sorted(reads)}", "one parameter for each dataset")
    if kept not in _MODES:
        note(f"materialize is {kept!r}", " | ".join(_MODES))
    match = INTERVAL.fullmatch(interval) if isinstance(interval, str) else None
    if (kept == Materialization.INCREMENTAL) != (match is not None and match["grain"] in tuple(Grain)):
        note(f"interval is {interval!r} for materialize {kept!r}", "incremental with day(column); table without")
    if len(findings) > before:
        return None
    assert isinstance(reads, dict)  # noqa: S101 - checked above
    task = PythonTask(
        function=function.name, reads_by_parameter=dict(sorted(reads.items())), code_digest=code_digest(file, sources)
    )
    by = IntervalBy(grain=Grain(match["grain"]), column=match["column"]) if match else None
    described = ast.get_docstring(function) or ""
    return Dataset(
        name=name,
        file=file,
        task=task,
        materialization=Materialization(str(kept)),
        interval=by,
        description=described.split("\n\n", 1)[0].replace("\n", " "),
    )


def _task_call(node: ast.FunctionDef) -> ast.Call | None:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and _word(decorator.func) == "task":
            return decorator
    return None


def _is_half_marked(node: ast.stmt) -> bool:
    """Whether a statement is under `@task` in a way that makes no dataset: without a call, or over another thing."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    bare = any(_word(decorator) == "task" for decorator in node.decorator_list)
    called = any(isinstance(each, ast.Call) and _word(each.func) == "task" for each in node.decorator_list)
    return bare or (called and not isinstance(node, ast.FunctionDef))


def _word(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)


def _arguments(call: ast.Call, name: str, file: str, text: str, findings: list[Finding]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg not in _ARGUMENTS:
            message = f"@task has no argument {keyword.arg or '**'}"
            findings.append(
                _finding(
                    "project.bad_task", message, file, keyword.value.lineno, text, name, expected=" | ".join(_ARGUMENTS)
                )
            )
            continue
        try:
            values[str(keyword.arg)] = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            message = f"@task's {keyword.arg} is computed"
            findings.append(
                _finding(
                    "project.bad_task", message, file, keyword.value.lineno, text, name, expected="a literal value"
                )
            )
    return values


def code_digest(file: str, sources: Mapping[str, str]) -> str:
    """SHA-256 of a file and every project file it imports, without comments, layout and docstrings."""
    seen: dict[str, str] = {}
    todo = [file]
    while todo:
        path = todo.pop()
        if path in seen or path not in sources:
            continue
        try:
            tree = ast.parse(sources[path])
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            seen[path] = sources[path]
            continue
        todo.extend(_imported(tree, path, sources))
        seen[path] = ast.dump(_without_docstrings(tree))
    joined = "\n".join(f"{path}\n{seen[path]}" for path in sorted(seen))
    return hashlib.sha256(joined.encode()).hexdigest()


def _imported(tree: ast.Module, path: str, sources: Mapping[str, str]) -> list[str]:
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules.add(node.module)
            modules.update(f"{node.module}.{alias.name}" for alias in node.names)
    candidates = [f"{module.replace('.', '/')}{end}" for module in sorted(modules) for end in (".py", "/__init__.py")]
    return [candidate for candidate in candidates if candidate in sources and candidate != path]


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


def _finding(
    code: str, message: str, file: str, line: int | None, text: str, dataset: str, *, expected: str | None = None
) -> Finding:
    lines = text.splitlines()
    excerpt = lines[line - 1].strip()[:160] if line and line <= len(lines) else None
    return Finding(
        code=code,
        message=message,
        place=Place(file=file, line=line, excerpt=excerpt, dataset=dataset),
        expected=expected,
        remedy="correct the file",
    )
