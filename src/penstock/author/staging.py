"""Staging: landed text rows typed, renamed, cleaned and flagged; those that cannot be, set aside; both counted.

A line is staged if every required column is there and every value can be read as its type without rounding;
otherwise, under `bad_rows: quarantine`, it goes to `stg_NAME_rejected` with the reason. The two conditions are each
other's complement, and `stg_NAME_counts` holds them to it.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from penstock.author.sql_text import comment, conjunction, guarded, header, listed, name, wrapped
from penstock.sql.identifiers import literal
from penstock.sql.renaming import rename_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.stories import StoryColumn, StorySource

INTERVAL_START = "_interval_start"
_WIDEST = "DECIMAL(38, 9)"  # wide enough to see what a cast to a narrower number would round away
_WHOLE = frozenset({"SMALLINT", "INTEGER", "BIGINT"})
_PARAMS = "{0} >= $interval_start AND {0} < $interval_end"


def spelled(type_name: str) -> str:
    """A type as people write it: `DECIMAL(18, 2)`."""
    return type_name.replace(",", ", ")


def raw_text(column: StoryColumn) -> str:
    """The column's raw text, cleaned as the story says."""
    raw = name(column.raw)
    return raw if column.clean is None else rename_columns(column.clean, {"value": raw})


def typed(column: StoryColumn, *, strict: bool = False) -> str:
    """The column's value as its type; what cannot be read is NULL, or an error when `strict`."""
    text = raw_text(column)
    if column.type == "VARCHAR":
        return text
    return f"{'CAST' if strict else 'TRY_CAST'}({text} AS {spelled(column.type)})"


def is_number(column: StoryColumn) -> bool:
    """Whether the column's type is a number that a cast would round."""
    return column.type in _WHOLE or column.type.startswith("DECIMAL")


def accepts(column: StoryColumn) -> str | None:
    """The condition under which a line's value for this column can be staged; None if any value can."""
    text = raw_text(column)
    if column.type == "VARCHAR":
        return f"{guarded(text)} IS NOT NULL" if column.required else None
    if is_number(column):
        readable = f"{typed(column)} = TRY_CAST({text} AS {_WIDEST})"
    else:
        readable = f"{typed(column)} IS NOT NULL"
    return readable if column.required else f"({text} IS NULL OR {readable})"


def staging_sql(pipeline: str, source: StorySource) -> str:
    """`stg_NAME.sql`."""
    moment = source.file_moment
    quarantine = source.bad_rows == "quarantine"
    names = [name(column.name) for column in source.staged]
    if moment:
        names.insert(0, name(moment[0]))
    flags = [_flag(source, flag, text) for flag, text in source.flags.items()]
    final = f"SELECT\n{listed([*names, *flags])}\nFROM typed\n" + _where(source.keep)
    return (
        header(_settings(source, staging_description(source), moment))
        + f"WITH {_lines(pipeline, source)},\n\n"
        + f"typed AS (\n{_typed(source, strict=not quarantine)}\n)\n\n"
        + final
    )


def staging_description(source: StorySource) -> str:
    """What the staged dataset is, in a sentence or three."""
    said = [f"Lines of {source.name} as typed rows{', each line once' if source.deduplicate else ''}."]
    if source.keep:
        said.append(f"Kept are {' and '.join(source.keep)}.")
    if source.bad_rows == "quarantine":
        said.append(f"Lines that cannot be read are in stg_{source.name}_rejected.")
    return " ".join(said)


def _settings(source: StorySource, description: str, moment: tuple[str, str] | None) -> dict[str, object]:
    settings: dict[str, object] = {"description": description}
    if moment is None or source.interval is None:
        return settings | {"materialize": "table"}
    return settings | {"materialize": "incremental", "interval": f"{source.interval}({moment[0]})"}


def _lines(pipeline: str, source: StorySource) -> str:
    """The CTE of the source's lines; equal lines of one file once if the story says so."""
    columns = [name(column.raw) for column in source.columns]
    if source.interval:
        columns.insert(0, INTERVAL_START)
    why = ["  -- Lines equal in every column of the file count once."] if source.deduplicate else []
    body = [
        "lines AS (",
        *why,
        "  SELECT DISTINCT" if source.deduplicate else "  SELECT",
        wrapped(columns, "    "),
        f"  FROM {name(pipeline)}.{name(source.name)}",
        *([f"  WHERE {_PARAMS.format(INTERVAL_START)}"] if source.interval else []),
        ")",
    ]
    return "\n".join(body)


def _moment_item(source: StorySource) -> list[str]:
    moment = source.file_moment
    if moment is None:
        return []
    column, type_name = moment
    return [
        f"{INTERVAL_START} AS {name(column)}"
        if type_name == "TIMESTAMP"
        else f"CAST({INTERVAL_START} AS DATE) AS {name(column)}"
    ]


def _typed(source: StorySource, *, strict: bool) -> str:
    items = [*_moment_item(source), *(f"{typed(c, strict=strict)} AS {name(c.name)}" for c in source.staged)]
    body = f"  SELECT\n{listed(items, '    ')}\n  FROM lines"
    conditions = [] if strict else [text for column in source.staged if (text := accepts(column))]
    if conditions:
        why = (
            "\n  -- A number that its type would round cannot be read either."
            if any(map(is_number, source.staged))
            else ""
        )
        body += f"{why}\n  WHERE " + conjunction(conditions, "    ")
    return body


def _flag(source: StorySource, flag: str, text: str) -> str:
    why = source.flag_descriptions.get(flag, "")
    return "\n".join([*(comment(why) if why else []), f"{text} AS {name(flag)}"])


def _where(keep: Mapping[str, str]) -> str:
    """The story's `keep` predicates, each under the words that name it."""
    lines: list[str] = []
    for word, text in keep.items():
        conjoined = "AND " if lines else ""
        lines += [*comment(f"{word[:1].upper()}{word[1:]}.", "  "), f"  {conjoined}{guarded(text)}"]
    return "WHERE\n" + "\n".join(lines) + "\n" if lines else ""


def rejected_sql(pipeline: str, source: StorySource) -> str:
    """`stg_NAME_rejected.sql`: the lines that staging cannot read, as they came, with the reason."""
    columns = [name(column.raw) for column in source.columns]
    reasons = listed((_reason(column) for column in source.staged if accepts(column)), "      ")
    moment = _moment_item(source)
    return (
        header(_settings(source, rejected_description(source), source.file_moment))
        + f"WITH {_lines(pipeline, source)},\n\n"
        + f"judged AS (\n  SELECT\n{wrapped([*moment, *columns], '    ')},\n"
        + f"    concat_ws('; ',\n{reasons}\n    ) AS reason\n  FROM lines\n)\n\n"
        + f"SELECT\n{wrapped([*_moment_name(source), *columns, 'reason'])}\nFROM judged\nWHERE reason <> ''\n"
    )


def rejected_description(source: StorySource) -> str:
    """What the rejected dataset is."""
    return (
        f"Lines of {source.name} that cannot be read as the types of stg_{source.name}, as they came, with the reason."
    )


def _moment_name(source: StorySource) -> list[str]:
    moment = source.file_moment
    return [name(moment[0])] if moment else []


def reason_missing(column: StoryColumn) -> str:
    """Why a line without this column's value is set aside."""
    return f"{column.raw} is missing"


def reason_unreadable(column: StoryColumn) -> str:
    """Why a line whose value cannot be read is set aside."""
    return f"{column.raw} is not {spelled(column.type)}"


def _reason(column: StoryColumn) -> str:
    """A CASE that names the column's fault, or is NULL."""
    cases: list[str] = []
    if column.required:
        cases.append(f"WHEN {guarded(raw_text(column))} IS NULL THEN {literal(reason_missing(column))}")
    if column.type != "VARCHAR":
        cases.append(f"WHEN {_unreadable(column)}\n    THEN {literal(reason_unreadable(column))}")
    if len(cases) == 1 and "\n" not in cases[0]:
        return f"CASE {cases[0]} END"
    return "\n".join(["CASE", *(textwrap.indent(case, "  ") for case in cases), "END"])


def _unreadable(column: StoryColumn) -> str:
    """The complement of `accepts` for a value that is there."""
    text = raw_text(column)
    if is_number(column):
        wrong = f"coalesce({typed(column)} <> TRY_CAST({text} AS {_WIDEST}), true)"
    else:
        wrong = f"{typed(column)} IS NULL"
    return wrong if column.required else f"{text} IS NOT NULL AND {wrong}"


def counts_sql(pipeline: str, source: StorySource) -> str:
    """`stg_NAME_counts.sql`: what became of every line of a file."""
    staged = f"{name(pipeline)}.stg_{source.name}"
    moment = source.file_moment
    key = _moment_name(source)
    parts = [_counted_lines(pipeline, source)]
    for made, relation in (("staged", staged), ("rejected", f"{staged}_rejected")):
        columns = ", ".join([*key, f"count(*) AS {made}"])
        within = f"\n  WHERE {_PARAMS.format(key[0])}\n  GROUP BY ALL" if moment else ""
        parts.append(f"{made} AS (\n  SELECT {columns}\n  FROM {relation}{within}\n)")
    join = f" USING ({key[0]})" if moment else ""
    kind = "LEFT JOIN" if moment else "CROSS JOIN"
    counted = ["lines", "lines - distinct_lines AS repeats", "readable", "kept"]
    made_of_them = ["coalesce(staged, 0) AS staged", "coalesce(rejected, 0) AS rejected"]
    return (
        header(_settings(source, counts_description(source), moment))
        + "WITH "
        + ",\n\n".join(parts)
        + f"\n\nSELECT\n{listed([*key, *counted, *made_of_them])}\n"
        + f"FROM files\n{kind} staged{join}\n{kind} rejected{join}\n"
    )


def _counted_lines(pipeline: str, source: StorySource) -> str:
    """The CTEs that count a file's lines: all, different ones, those that can be read, and those of them to keep."""
    readable = [text for column in source.staged if (text := accepts(column))] or ["true"]
    moment = source.file_moment
    key = _moment_item(source)
    columns = [name(column.raw) for column in source.columns]
    within = f"\n  WHERE {_PARAMS.format(INTERVAL_START)}" if moment else ""
    copies = "count(*)" if source.deduplicate else "1"
    grouped = "\n  GROUP BY ALL" if source.deduplicate else ""
    items = [
        *key,
        f"{copies} AS copies",
        f"(\n  {conjunction(readable, '  ')}\n) IS TRUE AS is_readable",
        *([f"({_kept_raw(source)}) IS TRUE AS is_kept"] if source.keep else []),
        wrapped(columns, ""),
    ]
    judged = (
        f"lines AS (\n  SELECT\n{listed(items, '    ')}\n"
        f"  FROM {name(pipeline)}.{name(source.name)}{within}{grouped}\n)"
    )
    total = "CAST(sum(copies) AS BIGINT)" if moment else "CAST(coalesce(sum(copies), 0) AS BIGINT)"
    counts = [
        *_moment_name(source),
        f"{total} AS lines",
        "count(*) AS distinct_lines",
        "count(*) FILTER (WHERE is_readable) AS readable",
        f"count(*) FILTER (WHERE is_readable{' AND is_kept' if source.keep else ''}) AS kept",
    ]
    each = "\n  GROUP BY ALL" if moment else ""
    return f"{judged},\n\nfiles AS (\n  SELECT\n{listed(counts, '    ')}\n  FROM lines{each}\n)"


def _kept_raw(source: StorySource) -> str:
    """The story's `keep` predicates over the file's own columns rather than the staged ones."""
    words = {column.name: typed(column) for column in source.staged}
    for flag, text in source.flags.items():
        words[flag] = f"({rename_columns(text, words)})"
    return "\nAND ".join(guarded(rename_columns(text, words)) for text in source.keep.values())


def counts_description(source: StorySource) -> str:
    """What the counting dataset is."""
    each = f"One row per file of {source.name}" if source.interval else f"One row for {source.name}"
    return f"{each} with the number of its lines and what became of them."
