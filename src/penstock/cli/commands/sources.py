"""`penstock source`."""

from __future__ import annotations

from functools import partial

import click

from penstock.app import sources as app
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option
from penstock.delivery.pages.tables import columns as aligned
from penstock.delivery.pages.tables import number
from penstock.model.databases import DatabaseEngine

SAMPLE = 10_000


@click.group()
def source() -> None:
    """Look into databases and connectors: what they have, files that read it, what a sample looks like."""


@source.command(epilog="Example: penstock source discover --engine postgres --connection SHOP_DATABASE --write shop")
@click.option(
    "--engine",
    type=click.Choice([str(engine) for engine in DatabaseEngine]),
    default=None,
    help="Which database it is.",
)
@click.option("--connection", metavar="NAME", default=None, help="The environment variable that holds its address.")
@click.option("--file", metavar="FILE", default=None, help="A file that says which connector is run instead, and how.")
@click.option("--table", "tables", multiple=True, metavar="NAME", help="Only this table; may be given several times.")
@click.option("--write", "pipeline", metavar="PIPELINE", default=None, help="Write a source file for each table there.")
@project_option
@answering
def discover(
    door: Door,
    *,
    engine: str | None,
    connection: str | None,
    file: str | None,
    tables: tuple[str, ...],
    pipeline: str | None,
    project: str | None,
) -> Answer:
    """List the tables of a database, or what a connector has: columns, keys, and about how many rows they have."""
    del door
    if (file is None) == (engine is None) or (engine is None) != (connection is None):
        raise click.UsageError("give --engine and --connection, or --file alone")
    with opened(project) as place:
        if file is not None:
            found, text_of = app.behind(place, file, tables)
        else:
            kind, variable = DatabaseEngine(engine or ""), connection or ""
            found = app.discover(place, kind, variable, tables)
            text_of = partial(app.source_text, engine=kind, variable=variable)
        written = app.write(place, pipeline, found, text_of) if pipeline else ()
    result = {
        "tables": [
            {
                "name": table.name,
                "rows": table.rows,
                "key": list(table.key),
                "columns": [
                    {"name": one.name, "native": one.native, "type": one.type, "required": one.required}
                    for one in table.columns
                ],
            }
            for table in found
        ],
        "written": [{"table": one.table, "dataset": one.dataset, "file": one.file} for one in written],
    }
    if written:
        return Answer(result=result, text="\n".join(f"wrote {one.file} ({one.table})" for one in written))
    rows = [("table", "about rows", "key", "columns")]
    rows += [
        (
            table.name,
            number(table.rows),
            ", ".join(table.key) or "–",
            ", ".join(f"{one.name} {one.type}" for one in table.columns),
        )
        for table in found
    ]
    return Answer(result=result, text=aligned(rows) if found else "there is no table that could be read")


@source.command(epilog="Example: penstock source profile shop.customers")
@click.argument("dataset")
@click.option("--rows", type=click.IntRange(1, 10_000_000), default=SAMPLE, show_default=True, help="Rows to look at.")
@project_option
@answering
def profile(door: Door, *, dataset: str, rows: int, project: str | None) -> Answer:
    """Say what the first rows of a source look like: how full, how varied, and what looks personal."""
    del door
    with opened(project) as place:
        found = app.profile(place, dataset, rows)
    lines = [("column", "type", "null", "empty", "distinct", "from", "to", "looks personal")]
    lines += [
        (
            one["name"],
            one["type"],
            number(one["nulls"]),
            number(one["empty"]),
            number(one["distinct"]),
            _short(one["minimum"]),
            _short(one["maximum"]),
            one["personal"] or "",
        )
        for one in found["columns"]
    ]
    return Answer(result=found, text=f"{found['rows']:,} row(s) of {dataset}\n{aligned(lines)}")


@source.command(epilog="Example: penstock source slots")
@click.option(
    "--connection",
    "variables",
    multiple=True,
    metavar="NAME",
    help="Also ask the server whose address this environment variable holds; may be given several times.",
)
@click.option("--drop", multiple=True, metavar="SLOT", help="Drop this slot; may be given several times.")
@project_option
@answering
def slots(door: Door, *, variables: tuple[str, ...], drop: tuple[str, ...], project: str | None) -> Answer:
    """List the slots that changes are read through, and how much of its log each makes its server keep."""
    from penstock.app.source_slots import slots_of  # noqa: PLC0415 - only this command asks servers for them

    del door
    with opened(project) as place:
        found, dropped = slots_of(place, variables, drop)
    result = {
        "slots": [
            {
                "name": one.name,
                "connection": one.connection,
                "dataset": one.reader.dataset if one.reader else None,
                "version": one.reader.version if one.reader else None,
                "environments": list(one.reader.environments) if one.reader else [],
                "bytes_kept": one.bytes_kept,
                "status": one.status,
                "active": one.is_active,
            }
            for one in found
        ],
        "dropped": dropped,
    }
    lines = [("slot", "server", "read by", "shown in", "bytes kept", "status")]
    lines += [
        (
            one.name,
            one.connection,
            f"{one.reader.dataset} at {one.reader.version}" if one.reader else "no version: it may be dropped",
            ", ".join(one.reader.environments) if one.reader and one.reader.environments else "–",
            number(one.bytes_kept) if one.bytes_kept >= 0 else "–",
            one.status,
        )
        for one in found
    ]
    said = [f"dropped {name}" for name in dropped]
    said.append(aligned(lines) if found else "there is no slot of this installation")
    return Answer(result=result, text="\n".join(said))


def _short(value: str | None) -> str:
    text = "–" if value is None else " ".join(value.split()) or "''"
    return text if len(text) <= 24 else f"{text[:23]}…"
