"""`NAME.py`: the one function under `@task`, read from its source text; nothing is imported or run.

The decorator's arguments are read like the keys of any other file of a project, each with its line.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from penstock.documents import Document, Fields
from penstock.model.findings import Finding, Place, blocking
from penstock.model.pipelines import Dataset, Materialization, PythonTask
from penstock.project.python_code import UNPARSABLE, code_digest, imported_names, top_modules
from penstock.project.task_options import read_keeping, read_limits, read_memory, read_secrets, read_timeout

if TYPE_CHECKING:
    from collections.abc import Mapping

MODES = (Materialization.TABLE, Materialization.INCREMENTAL, Materialization.MERGE)
RELATION = "duckdb.DuckDBPyRelation"
FORMS = (
    RELATION,
    "pyarrow.Table",
    "pyarrow.RecordBatchReader",
    "polars.DataFrame",
    "polars.LazyFrame",
    "pandas.DataFrame",
)
"""How rows can be given to a parameter, as its annotation names it."""
_CUSTOMARY = {"pa": "pyarrow", "pd": "pandas", "pl": "polars"}
_ANY = frozenset({"typing.Any", "Any", "object"})
_READS = '@task(reads={"parameter": "pipeline.dataset"})'


def read_python(name: str, file: str, sources: Mapping[str, str], findings: list[Finding]) -> Dataset | None:
    """One Python dataset; `sources` holds the project's Python files. What is wrong is added to `findings`.

    A file without `@task` is code that tasks import, and makes no dataset: None without a finding.
    """
    text = sources[file]
    try:
        tree = ast.parse(text, filename=file)
    except UNPARSABLE as error:
        line = getattr(error, "lineno", None)
        message = f"{file} is not Python: {getattr(error, 'msg', None) or str(error) or 'nested too deep'}"
        findings.append(
            _finding("project.python_syntax", message, file, line, text, name, expected="Python that can be parsed")
        )
        return None
    for node in tree.body:
        if _is_half_marked(node):
            message = "@task marks no plain function, or has no arguments"
            expected = f"{_READS} over a `def`"
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
    return _dataset(name, file, sources, findings, tree, *marked[0])


def _dataset(
    name: str,
    file: str,
    sources: Mapping[str, str],
    findings: list[Finding],
    tree: ast.Module,
    function: ast.FunctionDef,
    call: ast.Call,
) -> Dataset | None:
    before = len(findings)
    fields = Fields(_document(call, name, file, sources[file], findings), findings=findings)
    reads = fields.word_map("reads", required=True)
    keeping = read_keeping(fields, MODES, default=Materialization.TABLE)
    limits = read_limits(fields, keeping.materialization if keeping else None)
    timeout, memory, secrets = read_timeout(fields), read_memory(fields), read_secrets(fields)
    columns = _columns(fields, reads)
    fields.unknown()
    if "reads" in fields:
        _check_parameters(fields, function, reads)
    forms = _forms(function, name, file, sources[file], findings, imported_names(tree))
    if blocking(tuple(findings[before:])) or keeping is None:
        return None
    task = PythonTask(
        function=function.name,
        reads_by_parameter=dict(sorted(reads.items())),
        code_digest=code_digest(file, sources),
        forms=forms,
        modules=top_modules(tree),
        secrets=secrets,
        memory=memory,
        columns=columns,
    )
    return Dataset(
        name=name,
        file=file,
        task=task,
        materialization=keeping.materialization,
        interval=keeping.interval,
        description=(ast.get_docstring(function) or "").split("\n\n", 1)[0].replace("\n", " "),
        timeout=timeout,
        key=keeping.key,
        limits=limits,
    )


def _columns(fields: Fields, reads: Mapping[str, str]) -> dict[str, tuple[tuple[str, str], ...]]:
    """What each column is declared to be made of: a parameter and a column of what it is given."""
    declared = fields.child("columns")
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for column in list(declared.values) if declared is not None else ():
        assert declared is not None  # noqa: S101 - it had names
        made_of = []
        for word in declared.texts(column):
            parameter, _, read = word.partition(".")
            if parameter in reads and read:
                made_of.append((reads[parameter], read))
                continue
            declared.note(
                "project.bad_task",
                f"{word!r} names no column of what the function reads",
                at=column,
                expected=" | ".join(f"{name}.COLUMN" for name in sorted(reads)),
            )
        found[column] = tuple(made_of)
    return found


def _document(call: ast.Call, name: str, file: str, text: str, findings: list[Finding]) -> Document:
    """The decorator's arguments as a document: their values, and where each stands. What is computed is noted."""
    data: dict[Any, Any] = {}
    marks: dict[tuple[str | int, ...], tuple[int, int]] = {(): (call.lineno, call.col_offset + 1)}
    if call.args:
        message = "@task takes its arguments by name"
        findings.append(_finding("project.bad_task", message, file, call.lineno, text, name, expected=_READS))
    for keyword in call.keywords:
        word = keyword.arg or "**"
        marks[word,] = (keyword.value.lineno, keyword.value.col_offset + 1)
        try:
            value = ast.literal_eval(keyword.value)
        except UNPARSABLE + (TypeError,):  # noqa: RUF005 - a tuple of error types
            message = f"@task's {word} is computed"
            line = keyword.value.lineno
            findings.append(_finding("project.bad_task", message, file, line, text, name, expected="a literal value"))
            continue
        data[word] = list(value) if isinstance(value, tuple | set | frozenset) else value
    return Document(file=file, text=text, data=data, marks=marks)


def _check_parameters(fields: Fields, function: ast.FunctionDef, reads: Mapping[str, str]) -> None:
    parts = function.args
    parameters = {argument.arg for argument in (*parts.posonlyargs, *parts.args, *parts.kwonlyargs)}
    if parts.vararg or parts.kwarg or parts.posonlyargs or set(reads) != parameters:
        fields.note(
            "project.bad_task",
            f"{function.name} takes {sorted(parameters)} but reads {sorted(reads, key=str)}",
            at="reads",
            expected="one plain parameter for each dataset",
        )


def _forms(
    function: ast.FunctionDef, name: str, file: str, text: str, findings: list[Finding], names: Mapping[str, str]
) -> dict[str, str]:
    """Each annotated parameter's form by its full name, whatever the file calls it."""
    forms = {}
    for argument in (*function.args.args, *function.args.kwonlyargs):
        if argument.annotation is None:
            continue
        written = _dotted(argument.annotation)
        head, dot, rest = (written or "").partition(".")
        full = f"{names.get(head) or _CUSTOMARY.get(head, head)}{dot}{rest}"
        if full in FORMS:
            forms[argument.arg] = full
        elif full not in _ANY:
            found = ast.unparse(argument.annotation)
            message = f"rows cannot be given to {argument.arg} as {found}"
            expected = " | ".join(FORMS)
            findings.append(_finding("project.bad_form", message, file, argument.lineno, text, name, expected=expected))
    return forms


def _dotted(annotation: ast.expr) -> str | None:
    """`pl.LazyFrame`, also when it is written as a text; None for anything else."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return _dotted(ast.parse(annotation.value, mode="eval").body)
        except UNPARSABLE:
            return None
    if isinstance(annotation, ast.Name):
        return annotation.id
    if isinstance(annotation, ast.Attribute):
        before = _dotted(annotation.value)
        return f"{before}.{annotation.attr}" if before else None
    return None


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
