"""Where Postgres writes the same otherwise: one rewriting for each kind of node, on a tree of the caller's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.sql.families import Family, family
from penstock.sql.masking_functions import CALLED
from penstock.sql.patterns import to_postgres_pattern
from penstock.sql.portable import ASSUMED
from penstock.sql.postgres_types import COLLATION, to_postgres_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlglot.expressions import Expr

    Kept = Mapping[tuple[str, str], tuple[str, Sequence[str]]]

SUPPORT_SCHEMA = "_penstock"
MASK_INNER, MASK_OUTER = "penstock.mask_inner", "penstock.mask_outer"
"""Settings of a session that hold the masking key's pads, in hex."""
MASKING = f"""
CREATE OR REPLACE FUNCTION _penstock.mask_hash(x text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE RETURN
    CASE WHEN x IS NULL THEN NULL
         WHEN current_setting('{MASK_INNER}', true) ~ '^[0-9a-f]{{128}}$'
              AND current_setting('{MASK_OUTER}', true) ~ '^[0-9a-f]{{128}}$'
         THEN encode(sha256(decode(current_setting('{MASK_OUTER}'), 'hex')
              || sha256(decode(current_setting('{MASK_INNER}'), 'hex') || convert_to(x, 'UTF8'))), 'hex')
         ELSE current_setting('penstock.masking_key_that_this_session_does_not_have') END;
CREATE OR REPLACE FUNCTION _penstock.mask_domain(x text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN nullif(lower(substring(x FROM '@([^@]*)$') COLLATE {COLLATION}), '');
"""
"""The masking functions that have no plain words (`sql/masking.py`)."""
SUPPORT = r"""
CREATE OR REPLACE FUNCTION _penstock.divide(a double precision, b double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN b <> 0 THEN a / b WHEN a > 0 AND a <> 'NaN' THEN 'Infinity' WHEN a < 0 THEN '-Infinity'
         WHEN a IS NULL OR b IS NULL THEN NULL ELSE 'NaN' END;
CREATE OR REPLACE FUNCTION _penstock.try_numeric(x text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN x ~ '^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,2})?\s*$' THEN CAST(x AS numeric) END;
CREATE OR REPLACE FUNCTION _penstock.try_whole(x text, low numeric, high numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN round(_penstock.try_numeric(x)) BETWEEN low AND high THEN round(_penstock.try_numeric(x)) END;
CREATE OR REPLACE FUNCTION _penstock.try_decimal(x text, scale integer, most numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN abs(round(_penstock.try_numeric(x), scale)) < most THEN round(_penstock.try_numeric(x), scale) END;
CREATE OR REPLACE FUNCTION _penstock.try_timestamp(x text) RETURNS timestamp
LANGUAGE sql STABLE PARALLEL SAFE RETURN
    CASE WHEN x ~ '^\s*[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}([ T][0-9]{1,2}:[0-9]{2}(:[0-5][0-9](\.[0-9]{1,6})?)?)?\s*$'
         AND pg_input_is_valid(x, 'timestamp') THEN CAST(x AS timestamp) END;
"""
"""What written queries call; made once at the target, which then needs nothing but plain SQL."""

_BOUNDS = {"TINYINT": 7, "SMALLINT": 15, "INT": 31, "BIGINT": 63, "INT128": 127}


def carry(tree: Expr, kept: Kept, params: Sequence[str], kinds: Mapping[str, str]) -> Expr:
    """The tree as Postgres is to be given it. `kinds` are the parameters' types, of those that have a value."""
    for number, name in enumerate(params, start=1):
        _bind(tree, name, number, kinds.get(name))
    for select in list(tree.find_all(exp.Select)):
        _group(select)
    for query in list(tree.find_all(exp.Query)):
        _order(query)
    for table in list(tree.find_all(exp.Table)):
        _table(table, kept)
    for node in reversed(list(tree.walk(bfs=False))):  # what lies within first: its type is asked for around it
        tree = _changed(tree, node)
    return tree


def _bind(tree: Expr, name: str, number: int, kind: str | None) -> None:
    """$name as a number, with its type: Postgres cannot guess it from `$offset IS NULL`."""
    nodes = [node for node in tree.find_all(exp.Placeholder) if node.name == name]
    compared = [_compared_with(node) for node in nodes]
    found = kind or next((type_ for type_ in compared if type_ is not None), None) or "text"
    for node in nodes:
        node.replace(_raw(f"CAST(${number} AS {found})"))


def _compared_with(node: Expr) -> str | None:
    """The type of what a parameter without a value is compared with."""
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    if not isinstance(parent, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE):
        return None
    other = parent.expression if parent.this is node else parent.this
    if other.type is None or family(other) in {Family.UNKNOWN, Family.NULL}:
        return None
    return _type(other.type)


def _type(type_: exp.DataType) -> str:
    """A DuckDB type of a cast in Postgres. A length given to VARCHAR bounds nothing in DuckDB."""
    if type_.this.name in {"TEXT", "VARCHAR", "CHAR"}:
        return "text"
    if type_.this.name in {"TIMESTAMP", "TIMESTAMPNTZ"}:
        return to_postgres_type("TIMESTAMP")
    text = type_.sql(dialect="duckdb")
    if text == "DECIMAL":
        text = "DECIMAL(18, 3)"
    return to_postgres_type({"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "INT": "INTEGER", "REAL": "FLOAT",
                             "INT128": "HUGEINT"}.get(text, text))  # fmt: skip


def _raw(text: str) -> Expr:
    """Text that is written as it stands."""
    return exp.Var(this=text)


def _call(name: str, *arguments: Expr) -> Expr:
    return exp.Anonymous(this=f"{SUPPORT_SCHEMA}.{name}", expressions=list(arguments))


def _as(node: Expr, type_: str) -> Expr:
    return exp.Cast(this=node, to=exp.DataType(this=exp.DType.USERDEFINED, kind=type_))


# -- clauses -------------------------------------------------------------------------------------------------------


def _group(select: exp.Select) -> None:
    """GROUP BY ALL: by each item that folds nothing."""
    group = select.args.get("group")
    if group is None or not group.args.get("all"):
        return
    keys = []
    for item in select.selects:
        value = item.unalias()
        folds = [fold for fold in value.find_all(exp.AggFunc) if not isinstance(fold.parent, exp.Window)]
        if not folds:
            keys += [] if isinstance(value, exp.Literal) else [value.copy()]
        elif any(column.find_ancestor(exp.AggFunc) is None for column in value.find_all(exp.Column)):
            raise InputError(_mixed(value))
    select.set("group", exp.Group(expressions=keys) if keys else None)


def _order(query: exp.Query) -> None:
    """ORDER BY ALL: by each item from the left."""
    order = query.args.get("order")
    items = order.expressions if order is not None else []
    if len(items) != 1 or not isinstance(items[0].this, exp.Var) or items[0].this.name.upper() != "ALL":
        return
    desc = bool(items[0].args.get("desc"))
    places = [
        exp.Ordered(this=exp.Literal.number(number), desc=desc, nulls_first=False)
        for number in range(1, len(query.selects) + 1)
    ]
    query.set("order", exp.Order(expressions=places))


def folded(name: str) -> str:
    """A name as it stands where names are resolved."""
    found = normalize_identifiers(exp.to_identifier(name, quoted=True), dialect="duckdb")
    return found.name


def _table(node: exp.Table, kept: Kept) -> None:
    """A stored relation under the name it is kept by, its columns called in lower case."""
    if not node.db:
        return
    name, columns = kept[node.db, node.name]
    table = exp.Table(this=exp.to_identifier(name, quoted=True), db=exp.to_identifier(node.db, quoted=True))
    if all(column == folded(column) for column in columns):
        node.set("this", table.this)
        return
    items = [
        exp.alias_(exp.column(exp.to_identifier(column, quoted=True)), folded(column), quoted=True)
        for column in columns
    ]
    node.replace(exp.Subquery(this=exp.select(*items).from_(table), alias=node.args.get("alias")))


# -- values --------------------------------------------------------------------------------------------------------


def _changed(tree: Expr, node: Expr) -> Expr:
    """The tree with a node rewritten."""
    change = _CHANGES.get(type(node))
    if change is None:
        return tree
    parent, key, index, type_ = node.parent, node.arg_key, node.index, node.type
    made = change(node)
    made.type = type_
    if parent is None or key is None:
        return made
    parent.set(key, made, index)
    return tree


def _div(node: Expr) -> Expr:
    """`/` makes a DOUBLE of whatever it divides, and something of a division by zero."""
    return _call("divide", node.this, node.expression)


def _whole_div(node: Expr) -> Expr:
    wide = [_as(part, "numeric") for part in (node.this, node.expression)]
    return _as(exp.Anonymous(this="div", expressions=wide), "bigint")


def _to(node: Expr) -> exp.DataType:
    found = node.args["to"]
    assert isinstance(found, exp.DataType)  # noqa: S101 - of a cast
    return found


def _sum(node: Expr) -> Expr:
    """Sums of FLOAT are DOUBLE in DuckDB."""
    if isinstance(node.this, exp.Distinct) or family(node.this) is not Family.FLOAT:
        return node
    return exp.Sum(this=_as(node.this, "double precision"))


def _cast(node: Expr) -> Expr:
    if node.meta.get(ASSUMED):
        inner: Expr = node.this
        return inner
    source, target = family(node.this), family(node)
    if source is Family.TEXT and target is Family.INTEGER:
        return _as(_as(node.this, "numeric"), _type(_to(node)))
    if target is Family.TEXT:
        return _collated(_as(node.this, "text"), COLLATION)
    return _as(node.this, _type(_to(node)))


def _collated(node: Expr, collation: str) -> Expr:
    return exp.Paren(this=exp.Collate(this=node, expression=exp.to_identifier(collation, quoted=True)))


def _try_cast(node: Expr) -> Expr:
    """What is text and does not read as the type is NULL."""
    type_ = _to(node).this.name
    match family(node):
        case Family.INTEGER:
            most = 2 ** _BOUNDS[type_]
            least, most_ = _raw(str(-most)), _raw(str(most - 1))
            return _as(_call("try_whole", node.this, least, most_), _type(_to(node)))
        case Family.DECIMAL:
            width, scale = (int(part.name) for part in _to(node).expressions) if _to(node).expressions else (18, 3)
            tried = _call("try_decimal", node.this, _raw(str(scale)), _raw(str(10 ** (width - scale))))
            return _as(tried, _type(_to(node)))
        case Family.DATE | Family.TIMESTAMP:
            return _as(_call("try_timestamp", node.this), _type(_to(node)))
    return _collated(_as(node.this, "text"), COLLATION)


def _truncated(node: Expr) -> Expr:
    unit = str(node.args["unit"]).lower().strip("'")
    arguments = [exp.Literal.string(unit), _as(node.this, "timestamp without time zone")]
    return exp.Anonymous(this="date_trunc", expressions=arguments)


def _extracted(part: str, value: Expr) -> Expr:
    unit = {"dayofyear": "doy"}.get(part.lower(), part.lower())
    return _as(exp.Extract(this=exp.Var(this=unit.upper()), expression=value), "bigint")


def _like(node: Expr) -> Expr:
    return exp.Escape(this=node, expression=exp.Literal.string(""))


def _pattern(node: Expr) -> Expr:
    """Letters and digits are those of ASCII, as RE2 has them."""
    pattern = to_postgres_pattern(str(node.expression.this))
    value = _collated(exp.Paren(this=node.this), "C")
    return exp.Paren(this=exp.RegexpLike(this=value, expression=exp.Literal.string(pattern)))


def _cased(name: str) -> Callable[[Expr], Expr]:
    def cased(node: Expr) -> Expr:
        value = _collated(node.this, COLLATION)
        made: Expr = exp.Anonymous(this=name, expressions=[value])
        if name == "upper":  # the one letter that has a capital in DuckDB and none in Postgres
            made = exp.Anonymous(this="replace", expressions=[made, _raw("'ß'"), _raw("'ẞ'")])
        return made

    return cased


def _concat(node: Expr) -> Expr:
    return exp.Anonymous(this="concat", expressions=node.expressions)


def _masked(node: Expr) -> Expr:
    return _collated(_call(node.name, *node.expressions), COLLATION) if node.name in CALLED else node


def _counted(node: Expr) -> Expr:
    return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=node.this))


_CHANGES: dict[type[Expr], Callable[[Expr], Expr]] = {
    exp.Div: _div,
    exp.IntDiv: _whole_div,
    exp.Sum: _sum,
    exp.Cast: _cast,
    exp.TryCast: _try_cast,
    exp.TimestampTrunc: _truncated,
    exp.DateTrunc: _truncated,
    exp.Extract: lambda node: _extracted(str(node.this), node.expression),
    exp.Year: lambda node: _extracted("year", node.this),
    exp.Month: lambda node: _extracted("month", node.this),
    exp.Day: lambda node: _extracted("day", node.this),
    exp.Like: _like,
    exp.ILike: _like,
    exp.RegexpLike: _pattern,
    exp.Lower: _cased("lower"),
    exp.Upper: _cased("upper"),
    exp.Concat: _concat,
    exp.CountIf: _counted,
    exp.Anonymous: _masked,
}


def _mixed(value: Expr) -> Finding:
    return Finding(
        code="sql.not_portable",
        message="GROUP BY ALL with an item that folds rows and reads columns beside is not carried to Postgres",
        found=value.sql(dialect="duckdb")[:80],
        remedy="name the columns to group by",
    )
