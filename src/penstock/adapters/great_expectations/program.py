"""The process that holds rows against suites: `python -m … REQUEST.json`, which names a Parquet file and holds suites.

Invariants: no connection leaves this process, whatever Great Expectations or a library of it would like to tell; no
value of the rows is in the answer but what an expectation says it observed.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

_RESULT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_REFUSED = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg", "socket.gethostbyname")


def refuse_connections() -> None:
    """From here on nothing in this process reaches a network."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        del arguments
        if event in _REFUSED:
            raise PermissionError("nothing leaves the process that runs suites")

    sys.addaudithook(hook)


def frame_of(path: Path) -> Any:
    """The rows as a pandas frame: whole numbers stay whole where some are NULL, decimals exact, dates dates."""
    pandas, pyarrow = import_module("pandas"), import_module("pyarrow")
    table = import_module("pyarrow.parquet").read_table(path)
    whole = {
        getattr(pyarrow, f"{sign}int{bits}")(): getattr(pandas, f"{sign.upper()}Int{bits}Dtype")()
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    }
    holed = {field.type for field, column in zip(table.schema, table.columns, strict=True) if column.null_count}
    return table.to_pandas(types_mapper={kind: whole[kind] for kind in holed & whole.keys()}.get, date_as_object=True)


def judged(frame: Any, suite: dict[str, Any]) -> dict[str, Any]:
    """What a suite says of a frame, as Great Expectations writes its results."""
    gx = import_module("great_expectations")
    context = gx.get_context(mode="ephemeral")
    words = ("name", "expectations", "meta", "notes", "id", "suite_parameters")
    added = context.suites.add(gx.ExpectationSuite(**{key: suite[key] for key in words if key in suite}))
    refuse_lost(suite["expectations"], [one.expectation_type for one in added.expectations])
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("rows")
    wanted = gx.ValidationDefinition(name=suite["name"], data=batch, suite=added)
    result = context.validation_definitions.add(wanted).run(
        batch_parameters={"dataframe": frame}, result_format=_RESULT
    )
    found: dict[str, Any] = result.to_json_dict()
    refuse_lost(suite["expectations"], [one["expectation_config"]["type"] for one in found["results"]])
    for one in found["results"]:
        one["exception_info"].pop("exception_traceback", None)
    return found


def refuse_lost(asked: list[dict[str, Any]], kept: list[str]) -> None:
    """Great Expectations leaves out what it cannot make of a suite, and says so to nobody who asks for results.

    Raises:
        ValueError: some of what was asked is not among the types that were kept; what is asked twice counts once.
    """
    different = {json.dumps([_type(one), one.get("kwargs")], sort_keys=True): _type(one) for one in asked}
    lost = Counter(different.values()) - Counter(kept)
    if lost:
        names = ", ".join(sorted(lost))
        message = f"{lost.total()} of {len(different)} expectations cannot be made, of type {names}: a type that is "
        raise ValueError(f"{message}not built in, a wrong severity, or arguments that it does not take")


def _type(expectation: dict[str, Any]) -> str:
    return str(expectation.get("type") or expectation.get("expectation_type"))


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The results of each suite asked for, or what one of them made Great Expectations say."""
    try:
        gx = import_module("great_expectations")
        frame = frame_of(Path(request["rows"]))
    except ImportError as error:
        return {"missing": error.name or str(error)}
    found = []
    for suite in request["suites"]:
        try:
            found.append(judged(frame, suite))
        except Exception as error:  # noqa: BLE001 - this process's front door: a suite may be wrong in any way
            return {"refused": suite.get("name"), "reason": f"{type(error).__name__}: {error}"}
    return {"version": gx.__version__, "results": found}


def main() -> None:
    """Answer one request."""
    os.environ |= {"GX_ANALYTICS_ENABLED": "false", "TQDM_DISABLE": "1"}
    refuse_connections()
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Path(request["answer"]).write_text(json.dumps(answer(request)), encoding="utf-8")


if __name__ == "__main__":
    main()
