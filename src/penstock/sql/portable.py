"""Which DuckDB queries Postgres can be asked to the same effect: an allow-list, for what was not looked at is unknown.

Invariants: every kind of node that `judge` lets pass was run in both databases over the same rows; a difference that
is known and can neither be rewritten nor ruled out is refused with what to write instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.families import Family, family
from penstock.sql.patterns import PatternError, to_postgres_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlglot.expressions import Expr

_PLAIN = (
    exp.Subquery, exp.CTE, exp.From, exp.Table, exp.Where, exp.Having, exp.Identifier, exp.Order, exp.Filter,
    exp.Boolean, exp.Null, exp.Paren, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE,
    exp.Is, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.In, exp.Between, exp.Case, exp.If,
    exp.DataType, exp.DataTypeParam, exp.Var, exp.Placeholder, exp.Exists, exp.Coalesce, exp.Nullif, exp.Greatest,
    exp.Least, exp.Lower, exp.Upper, exp.Length, exp.StartsWith, exp.DPipe, exp.Tuple, exp.RowNumber, exp.Rank,
    exp.DenseRank, exp.LogicalAnd, exp.LogicalOr, exp.FirstValue, exp.LastValue, exp.Union, exp.Except, exp.Intersect,
    exp.CountIf,
)  # fmt: skip
"""Nodes that mean the same in both wherever they stand, or that fail loudly in Postgres."""

_NUMBERS = {Family.INTEGER, Family.DECIMAL, Family.FLOAT}
_EXACT = {Family.INTEGER, Family.DECIMAL}
_ARGUMENTS: dict[type[Expr], frozenset[str]] = {
    exp.Select: frozenset({"with_", "expressions", "from_", "joins", "where", "group", "having", "qualify", "order",
                           "limit", "offset", "distinct"}),
    exp.Subquery: frozenset({"this", "alias", "with_", "order", "limit", "offset"}),
    exp.Union: frozenset({"with_", "this", "expression", "distinct", "order", "limit", "offset"}),
    exp.Except: frozenset({"with_", "this", "expression", "distinct", "order", "limit", "offset"}),
    exp.Intersect: frozenset({"with_", "this", "expression", "distinct", "order", "limit", "offset"}),
    exp.Table: frozenset({"this", "db", "alias"}),
    exp.With: frozenset({"expressions"}),
    exp.CTE: frozenset({"this", "alias", "materialized"}),
    exp.TableAlias: frozenset({"this"}),
    exp.Join: frozenset({"this", "side", "kind", "on", "using"}),
    exp.Group: frozenset({"expressions", "all"}),
    exp.Distinct: frozenset({"expressions"}),
    exp.Ordered: frozenset({"this", "desc", "nulls_first"}),
    exp.Qualify: frozenset({"this"}),
    exp.Window: frozenset({"this", "partition_by", "order", "spec", "over"}),
    exp.WindowSpec: frozenset({"kind", "start", "start_side", "end", "end_side"}),
    exp.Column: frozenset({"this", "table", "db"}),
    exp.Star: frozenset({"except_"}),
    exp.Count: frozenset({"this", "big_int"}),
    exp.Trim: frozenset({"this"}),
    exp.Lag: frozenset({"this", "offset", "default"}),
    exp.Lead: frozenset({"this", "offset", "default"}),
    exp.Round: frozenset({"this", "decimals"}),
    exp.Ceil: frozenset({"this"}),
    exp.Floor: frozenset({"this"}),
}  # fmt: skip
"""Of nodes with many forms, the parts that were looked at."""

_CASTS: dict[Family, frozenset[Family]] = {
    Family.INTEGER: frozenset({Family.INTEGER, Family.DECIMAL, Family.FLOAT, Family.TEXT}),
    Family.DECIMAL: frozenset({Family.INTEGER, Family.DECIMAL, Family.FLOAT, Family.TEXT}),
    Family.FLOAT: frozenset({Family.FLOAT}),
    Family.TEXT: frozenset({Family.TEXT, Family.INTEGER, Family.DECIMAL, Family.FLOAT, Family.DATE, Family.TIMESTAMP,
                            Family.BOOLEAN, Family.UUID}),
    Family.BOOLEAN: frozenset({Family.BOOLEAN, Family.TEXT}),
    Family.DATE: frozenset({Family.DATE, Family.TIMESTAMP, Family.TEXT}),
    Family.TIMESTAMP: frozenset({Family.TIMESTAMP, Family.DATE, Family.TEXT}),
    Family.ZONED: frozenset({Family.ZONED, Family.TIMESTAMP, Family.DATE}),
    Family.UUID: frozenset({Family.UUID, Family.TEXT}),
    Family.NULL: frozenset(Family),
}  # fmt: skip
_TRIED = frozenset({Family.INTEGER, Family.DECIMAL, Family.DATE, Family.TIMESTAMP})
_TARGETS = frozenset({"TINYINT", "SMALLINT", "INT", "BIGINT", "INT128", "DECIMAL", "FLOAT", "DOUBLE", "TEXT", "VARCHAR",
                      "DATE", "TIMESTAMP", "TIMESTAMPNTZ", "TIMESTAMPTZ", "BOOLEAN", "UUID"})  # fmt: skip
_PARTS = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "DOY", "DAYOFYEAR"})
_TRUNCATED = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"})
_UNITS = frozenset({"YEAR", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"})

Refusal = tuple[object, str, str]
"""The node, what is wrong with it, and what to write instead."""


ASSUMED = "assumed"
"""Marks a cast that says a type and casts nothing."""
_MOMENTS = {Family.DATE, Family.TIMESTAMP, Family.ZONED}


def assume_intervals(tree: Expr) -> None:
    """Say of what lies between two moments that it is no moment: sqlglot takes it for one."""
    for node in reversed(list(tree.find_all(exp.Sub))):
        given = {family(node.this), family(node.expression)}
        if given <= _MOMENTS:
            cast = exp.cast(node.copy(), "BIGINT" if given == {Family.DATE} else "INTERVAL", dialect="duckdb")
            cast.meta[ASSUMED] = True
            node.replace(cast)


def judge(tree: Expr, *, typed: bool) -> Iterator[Refusal]:
    """What of a query Postgres would not answer as DuckDB does. `typed`: types are annotated, so look at them too."""
    for node in tree.walk():
        reason = _refused(node, typed=typed)
        if reason is not None:
            yield node, *reason


def _refused(node: Expr, *, typed: bool) -> tuple[str, str] | None:
    name = type(node).__name__.upper()
    if type(node) in _ARGUMENTS:
        unknown = [key for key, value in node.args.items() if value and key not in _ARGUMENTS[type(node)]]
        if unknown:
            return f"{name} with {unknown[0].strip('_').upper()}", "write it in plainer SQL"
    form = _FORMS.get(type(node))
    if form is not None:
        return form(node)
    value = _VALUES.get(type(node))
    if value is not None:
        return value(node) if typed else None
    if isinstance(node, _PLAIN) or type(node) in _ARGUMENTS:
        return None
    return name, "write it with what both databases have"


def _select(node: Expr) -> tuple[str, str] | None:
    if node.args.get("qualify") is not None and any(node.args.get(key) for key in ("limit", "order", "distinct")):
        return "QUALIFY beside ORDER BY, LIMIT or DISTINCT", "filter the window's value in a query around this one"
    return None


def _join(node: Expr) -> tuple[str, str] | None:
    kind = (
        f"{node.args.get('method') or ''} {node.args.get('side') or ''} {node.args.get('kind') or ''}".upper().split()
    )
    known = set(kind) <= {"INNER", "LEFT", "RIGHT", "FULL", "OUTER", "CROSS"}
    return None if known else (f"a join that is {' '.join(kind)}", "join by an ordinary condition")


def _distinct(node: Expr) -> tuple[str, str] | None:
    if isinstance(node.parent, exp.Count) and len(node.expressions) != 1:
        return "count(DISTINCT) of several columns", "count the rows of a SELECT DISTINCT"
    return None


def _limit(node: Expr) -> tuple[str, str] | None:
    bound = node.args.get("expression")
    return None if isinstance(bound, exp.Literal) and bound.is_int else ("a LIMIT that is no number", "write a number")


def _spec(node: Expr) -> tuple[str, str] | None:
    bounds = {str(node.args.get(key) or "CURRENT ROW").upper() for key in ("start", "end")}
    rows = str(node.args.get("kind") or "").upper() == "ROWS"
    plain = all(bound in {"UNBOUNDED", "CURRENT ROW"} or (rows and bound.isdigit()) for bound in bounds)
    return None if plain else ("a window frame by values", "frame it by ROWS")


def _literal(node: Expr) -> tuple[str, str] | None:
    return ("a NUL character", "leave it out") if "\0" in str(node.this) else None


def _interval(node: Expr) -> tuple[str, str] | None:
    number, unit = node.this, str(node.args.get("unit") or "").upper().rstrip("S")
    plain = isinstance(number, exp.Literal) and str(number.this).lstrip("-").isdigit() and unit in _UNITS
    return None if plain else ("an INTERVAL that is no number of one unit", "write INTERVAL 1 DAY, or the like")


def _called(node: Expr) -> tuple[str, str] | None:
    """Masking functions stand within a cast that says their type; other names nobody knows."""
    is_known = node.parent is not None and node.parent.meta.get(ASSUMED)
    return None if is_known else (node.name, "write it with what both databases have")


def _like(node: Expr) -> tuple[str, str] | None:
    pattern = node.args.get("expression")
    plain = isinstance(pattern, exp.Literal) and "\\" not in str(pattern.this)
    return None if plain else ("LIKE with a computed pattern or a backslash", "use a plain pattern")


def _substring(node: Expr) -> tuple[str, str] | None:
    places = [value for key in ("start", "length") if (value := node.args.get(key)) is not None]
    if places and all(isinstance(place, exp.Literal) and place.is_int and int(place.name) > 0 for place in places):
        return None
    return "substring from a computed place", "count from 1 with plain numbers"


def _ends(node: Expr) -> tuple[str, str] | None:
    count = node.args.get("expression")
    count = count.this if isinstance(count, exp.Neg) else count
    plain = isinstance(count, exp.Literal) and count.is_int
    return None if plain else ("left or right by a computed number", "write a number")


def _replace(node: Expr) -> tuple[str, str] | None:
    return None if set(_given(node)) <= {"this", "expression", "replacement"} else ("replace", "use three arguments")


def _collected(node: Expr) -> tuple[str, str] | None:
    ordered = isinstance(node.this, exp.Order)
    return None if ordered else ("string_agg without ORDER BY", "say the order inside the call")


def _pattern(node: Expr) -> tuple[str, str] | None:
    pattern = node.args.get("expression")
    if not isinstance(pattern, exp.Literal) or node.args.get("flag"):
        return "a computed pattern", "write the pattern as a plain text"
    try:
        to_postgres_pattern(str(pattern.this))
    except PatternError as error:
        return f"the pattern {pattern.this!r}: {error}", "use characters, classes, groups and quantifiers"
    return None


def _unit(node: Expr) -> str:
    return str(node.args.get("unit") or node.this).upper().strip("'")


def _extract(node: Expr) -> tuple[str, str] | None:
    if str(node.this).upper() not in _PARTS:
        return f"extract({node.this})", f"take one of {', '.join(sorted(_PARTS))}"
    return None


def _truncated(node: Expr) -> tuple[str, str] | None:
    if set(_given(node)) - {"this", "unit"} or _unit(node) not in _TRUNCATED:
        return f"date_trunc({_unit(node)})", f"take one of {', '.join(sorted(_TRUNCATED))}"
    return None


_FORMS: dict[type[Expr], Callable[[Expr], tuple[str, str] | None]] = {
    exp.Anonymous: _called,
    exp.Select: _select,
    exp.Join: _join,
    exp.Distinct: _distinct,
    exp.Limit: _limit,
    exp.Offset: _limit,
    exp.WindowSpec: _spec,
    exp.Literal: _literal,
    exp.Interval: _interval,
    exp.Like: _like,
    exp.ILike: _like,
    exp.Substring: _substring,
    exp.Left: _ends,
    exp.Right: _ends,
    exp.Replace: _replace,
    exp.GroupConcat: _collected,
    exp.RegexpLike: _pattern,
    exp.Extract: _extract,
}


def _given(node: Expr) -> list[str]:
    return [key for key, value in node.args.items() if value]


# -- by type -------------------------------------------------------------------------------------------------------


def _cast(node: Expr) -> tuple[str, str] | None:
    if node.meta.get(ASSUMED):
        return None
    source, target = family(node.this), family(node)
    if isinstance(node.this, exp.Literal) and not node.this.is_string:
        source = Family.INTEGER if node.this.is_int else Family.DECIMAL
    to = node.args["to"]
    what = f"a cast from {source} to {to.sql('duckdb')}"
    if to.this.name not in _TARGETS or target not in _CASTS.get(source, frozenset()):
        return what, "cast to a DECIMAL or INTEGER by a way that does not round, or keep the type"
    if isinstance(node, exp.TryCast) and (source is not Family.TEXT or target not in _TRIED | {Family.TEXT}):
        return f"TRY_CAST from {source} to {to.sql('duckdb')}", "use CAST, or try only text"
    if source in _EXACT and target is not Family.FLOAT and holds_double(node.this):
        return what.replace(str(source), Family.FLOAT), "round it in DECIMAL from the start, or keep it a DOUBLE"
    scaled = source is Family.DECIMAL and target is Family.TEXT
    if scaled and not isinstance(node.this.unnest(), exp.Column | exp.Cast):
        return "a computed DECIMAL as text", "cast it to DECIMAL(n, m) first"
    return None


def holds_double(node: Expr) -> bool:
    """Whether a DOUBLE takes part in a value, whatever type was found for the whole."""
    if isinstance(node, exp.Count | exp.Query | exp.Literal) or family(node) is Family.BOOLEAN:
        return False
    if isinstance(node, exp.Cast | exp.Column):
        return family(node) is Family.FLOAT
    return family(node) is Family.FLOAT or any(holds_double(child) for child in node.iter_expressions())


def _alias(node: Expr) -> tuple[str, str] | None:
    """What a query around this one reads by name must be of the type that it is taken for."""
    if family(node.this) in _EXACT and holds_double(node.this):
        return f"{node.alias}, of DOUBLE and other numbers", "say its type: CAST(… AS DOUBLE)"
    return None


def _of(families: set[Family], instead: str) -> Callable[[Expr], tuple[str, str] | None]:
    def judged(node: Expr) -> tuple[str, str] | None:
        value = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
        given = Family.FLOAT if family(value) in _EXACT and holds_double(value) else family(value)
        if given in families:
            return None
        return f"{type(node).__name__.lower()} of {given}", instead

    return judged


def _arithmetic(families: set[Family], instead: str) -> Callable[[Expr], tuple[str, str] | None]:
    def judged(node: Expr) -> tuple[str, str] | None:
        given = {family(node.args["this"]), family(node.args["expression"])}
        if given <= families:
            return None
        sign = "/" if isinstance(node, exp.Div) else "//" if isinstance(node, exp.IntDiv) else "%"
        return f"{sign} of {' and '.join(sorted(given))}", instead

    return judged


def _rounded(node: Expr) -> tuple[str, str] | None:
    digits = node.args.get("decimals")
    if digits is not None and not (isinstance(digits, exp.Literal) and digits.is_int):
        return "round to a computed number of digits", "write the number"
    return _of({Family.DECIMAL}, "cast to DECIMAL(n, m) first")(node)


def _truncated_date(node: Expr) -> tuple[str, str] | None:
    return _truncated(node) or _of({Family.DATE, Family.TIMESTAMP}, "cast it to TIMESTAMP first")(node)


_VALUES: dict[type[Expr], Callable[[Expr], tuple[str, str] | None]] = {
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Div: _arithmetic(_NUMBERS, "divide numbers; cast what is unknown here"),
    exp.IntDiv: _arithmetic({Family.INTEGER}, "divide integers"),
    exp.Mod: _arithmetic(_EXACT, "cast to INTEGER or DECIMAL"),
    exp.Sum: _of(_NUMBERS, "sum numbers; cast what is unknown here"),
    exp.Avg: _of(_NUMBERS, "average numbers; cast what is unknown here"),
    exp.Min: _of({*Family} - {Family.BOOLEAN, Family.UNKNOWN, Family.UUID}, "cast it to a type that is known here"),
    exp.Max: _of({*Family} - {Family.BOOLEAN, Family.UNKNOWN, Family.UUID}, "cast it to a type that is known here"),
    exp.Abs: _of(_NUMBERS, "take numbers"),
    exp.Round: _rounded,
    exp.Ceil: _of({Family.DECIMAL}, "cast to DECIMAL(n, m) first"),
    exp.Floor: _of({Family.DECIMAL}, "cast to DECIMAL(n, m) first"),
    exp.Alias: _alias,
    exp.TimestampTrunc: _truncated_date,
    exp.DateTrunc: _truncated_date,
    exp.Concat: lambda node: (
        None
        if all(family(item) in {Family.TEXT, Family.INTEGER, Family.NULL} for item in node.expressions)
        else ("concat of other things than text and integers", "cast them to VARCHAR first")
    ),
    exp.Year: lambda _node: None,
    exp.Month: lambda _node: None,
    exp.Day: lambda _node: None,
}
