"""What an environment's views show: every version they know of, each guarded by the row that says which one is shown.

Invariants: a view shows the rows of the version that `_penstock.environments` names in the reader's own snapshot, and
has the columns of the one shown last; a snapshot in which a version is shown that the view knows no more gets an error.
A swap of versions whose columns are the same touches no view, only rows of that table. A view is made to know another
version before that, alone, in a transaction of its own; one whose columns change is made anew in the swap's own
transaction, so that no statement can meet the one without the other. Views are taken in sorted order, and nobody is
waited for longer than LOCK_TIMEOUT, which ends before Postgres looks for deadlocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.environment_views import schema_of, view_of
from penstock.adapters.postgres.asking import kept
from penstock.sql.identifiers import literal, quote
from penstock.sql.postgres_types import COLLATION
from penstock.sql.transpiling import physical

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from penstock.adapters.postgres.server import Connection
    from penstock.engine.ports.relations import Swap

LOCK_TIMEOUT = "200ms"
KNOWN = 4
"""How many versions a view goes on knowing: to return to one of them moves a row and nothing else."""

_SHAPES = b"""
SELECT asked.name, attname, format_type(atttypid, atttypmod)
FROM unnest($1::text[]) AS asked (name)
JOIN pg_catalog.pg_attribute ON attrelid = to_regclass(asked.name)
WHERE attnum > 0 AND NOT attisdropped ORDER BY asked.name, attnum
"""
_RIGHTS = b"""
SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, privilege_type, is_grantable
FROM pg_catalog.pg_class, aclexplode(relacl) WHERE oid = to_regclass($1) AND grantee <> relowner
"""
Shape = tuple[tuple[str, str], ...]
"""A relation's columns with their Postgres types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewState:
    """A dataset's view in an environment, as it is and as a swap wants it. No `shape`: there is no view.

    `branches` are the versions it knows, oldest first; `relations` are where those and the wanted one are kept.
    """

    dataset: str
    view: str
    shape: Shape
    branches: tuple[str, ...]
    wanted: str
    wanted_shape: Shape
    relations: Mapping[str, str]
    shapes: Mapping[str, Shape]

    @property
    def is_ready(self) -> bool:
        """Whether it needs nothing but another row."""
        return self.wanted in self.branches and self.shape == self.wanted_shape

    @property
    def may_join(self) -> bool:
        """Whether it can be made to know the version without showing anything else than before."""
        return bool(self.shape) and self.shape == self.wanted_shape


def environment_view(dataset: str, environment: str) -> str:
    """The quoted view that shows a dataset, under the name by which Postgres keeps it."""
    return kept(view_of(dataset, environment))


def states(connection: Connection, swap: Swap, relation_of_version: Mapping[tuple[str, str], str]) -> list[ViewState]:
    """How the views of a swap's datasets stand, sorted by name. The mapping says where known versions are kept."""
    known: dict[str, list[str]] = {}
    rows = connection.execute(
        b"SELECT dataset, version FROM _penstock.branches WHERE environment = $1 ORDER BY joined", [swap.environment]
    )
    for dataset, version in rows.fetchall():
        known.setdefault(str(dataset), []).append(str(version))
    views = {dataset: environment_view(dataset, swap.environment) for dataset in swap.mapping}
    relations = {name: _relations(name, swap, known.get(name, []), relation_of_version) for name in swap.mapping}
    asked = [*views.values(), *(relation for found in relations.values() for relation in found.values())]
    shapes = _shapes(connection, asked)
    return [
        ViewState(
            dataset=dataset,
            view=view,
            shape=shapes.get(view, ()),
            branches=tuple(known.get(dataset, ())),
            wanted=swap.mapping[dataset][0],
            wanted_shape=shapes.get(relations[dataset][swap.mapping[dataset][0]], ()),
            relations=relations[dataset],
            shapes={version: shapes.get(relation, ()) for version, relation in relations[dataset].items()},
        )
        for dataset, view in sorted(views.items(), key=lambda item: item[1])
    ]


def join(connection: Connection, state: ViewState, environment: str, shown: str | None) -> None:
    """Let a view know the wanted version beside those it knew, without showing it."""
    branches = _kept_branches(state, shown)
    connection.execute(_definition(state, environment, branches))
    _remember(connection, state, environment, branches)


def remake(connection: Connection, state: ViewState, environment: str, shown: str | None) -> None:
    """Make a view with the wanted version's columns, whatever it had before; who may read it still may."""
    if not state.shape:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_schema(state.dataset, environment)}".encode())
    rights = connection.execute(_RIGHTS, [state.view]).fetchall()
    if state.shape and state.wanted_shape[: len(state.shape)] != state.shape:
        connection.execute(f"DROP VIEW {state.view}".encode())
    branches = _kept_branches(state, shown)
    connection.execute(_definition(state, environment, branches))
    for grantee, right, may_grant in rights:
        passing = " WITH GRANT OPTION" if may_grant else ""
        connection.execute(f"GRANT {right} ON {state.view} TO {grantee}{passing}".encode())
    _remember(connection, state, environment, branches)


def forget(connection: Connection, state: ViewState, environment: str, versions: Collection[str]) -> None:
    """Let a view know some versions no more, none of which it shows."""
    branches = tuple(name for name in state.branches if name not in versions and state.shapes.get(name))
    connection.execute(_definition(state, environment, branches))
    _remember(connection, state, environment, branches)


def drop(connection: Connection, dataset: str, environment: str) -> None:
    """Show a dataset no more."""
    connection.execute(f"DROP VIEW IF EXISTS {environment_view(dataset, environment)}".encode())
    connection.execute(
        b"DELETE FROM _penstock.branches WHERE environment = $1 AND dataset = $2", [environment, dataset]
    )


def _schema(dataset: str, environment: str) -> str:
    return quote(physical(schema_of(dataset, environment)))


def _relations(
    dataset: str, swap: Swap, known: Sequence[str], relation_of_version: Mapping[tuple[str, str], str]
) -> dict[str, str]:
    version, relation = swap.mapping[dataset]
    return {**{other: kept(relation_of_version[dataset, other]) for other in known}, version: kept(relation)}


def _shapes(connection: Connection, names: Sequence[str]) -> dict[str, Shape]:
    found: dict[str, list[tuple[str, str]]] = {}
    for name, column, type_ in connection.execute(_SHAPES, [list(dict.fromkeys(names))]).fetchall():
        found.setdefault(str(name), []).append((str(column), str(type_)))
    return {name: tuple(columns) for name, columns in found.items()}


def _kept_branches(state: ViewState, shown: str | None) -> tuple[str, ...]:
    """The wanted version, the one that is shown, and the last of the others; those whose rows are gone are not."""
    others = [version for version in state.branches if version != state.wanted and state.shapes.get(version)]
    newest = [
        *(version for version in others if version != shown),
        *(version for version in others if version == shown),
    ]
    return (*newest[-(KNOWN - 1) :], state.wanted)


def _definition(state: ViewState, environment: str, branches: Sequence[str]) -> bytes:
    selects = [_branch(state, environment, version) for version in branches]
    selects.append(_refusal(state, environment, branches))
    return f"CREATE OR REPLACE VIEW {state.view} AS\n".encode() + "\nUNION ALL\n".join(selects).encode()


def _branch(state: ViewState, environment: str, version: str) -> str:
    """One version's rows, in the columns of the wanted one; asked for only where it is the one shown."""
    items = ", ".join(_item(name, type_, dict(state.shapes[version])) for name, type_ in state.wanted_shape)
    shown = _ask(state, environment, "shown.version")
    return f"SELECT {items} FROM {state.relations[version]} WHERE {shown} = {literal(version)}"


def _refusal(state: ViewState, environment: str, branches: Sequence[str]) -> str:
    """No rows, but an error for a snapshot in which another version is shown: none would be a wrong answer."""
    items = ", ".join(_item(name, type_, {}) for name, type_ in state.wanted_shape)
    said = f"{state.dataset} has been promoted since this transaction began, and put away what it would see: version "
    known = ", ".join(literal(version) for version in branches)
    refused = f"CAST({literal(said)} || shown.version AS boolean)"  # no function: readers may call none of ours
    asked = _ask(state, environment, f"CASE WHEN shown.version IN ({known}) THEN false ELSE {refused} END")
    return f"SELECT {items} WHERE {asked}"


def _ask(state: ViewState, environment: str, what: str) -> str:
    """Something of the row that says which version is shown; NULL where none is."""
    return (
        f"(SELECT {what} FROM _penstock.environments AS shown "
        f"WHERE shown.environment = {literal(environment)} AND shown.dataset = {literal(state.dataset)})"
    )


def _item(name: str, type_: str, own: Mapping[str, str]) -> str:
    column = quote(name)
    if own.get(name) == type_:
        return column
    collated = f" COLLATE {quote(COLLATION)}" if type_ == "text" else ""
    value = f"CAST({column} AS text)" if name in own else "NULL"
    return f"CAST({value} AS {type_}){collated} AS {column}"


def _remember(connection: Connection, state: ViewState, environment: str, branches: Sequence[str]) -> None:
    connection.execute(
        b"DELETE FROM _penstock.branches WHERE environment = $1 AND dataset = $2 AND NOT version = ANY($3::text[])",
        [environment, state.dataset, list(branches)],
    )
    connection.execute(
        b"INSERT INTO _penstock.branches (environment, dataset, version) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        [environment, state.dataset, state.wanted],
    )
