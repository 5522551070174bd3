"""Queries out of thin air: over three small tables of whole numbers, in every shape that lineage has to follow."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

TABLES: dict[str, tuple[str, ...]] = {
    "s.t": ("id", "a", "b", "g"),
    "s.u": ("id", "v", "w"),
    "s.l": ("id", "items"),
}
FOLDS = ("sum({})", "max({})", "count({})", "count(DISTINCT {})", "sum({}) FILTER (WHERE {} > 1)")
WINDOWS = (
    "sum({}) OVER (PARTITION BY {})",
    "rank() OVER (ORDER BY {}, {})",
    "max({}) OVER (PARTITION BY {} ORDER BY 1 ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
)
SCALARS = (
    "{} + {}", "coalesce({}, {})", "CASE WHEN {} > 1 THEN {} ELSE 0 END", "nullif({}, {})", "-{} * {}",
    "greatest({}, {})", "CAST({} AS BIGINT) + {}",
)  # fmt: skip


@dataclass(slots=True)
class Source:
    """Something in FROM: how it is written, and its columns as they can be named."""

    text: str
    alias: str
    columns: tuple[str, ...]

    @property
    def named(self) -> list[str]:
        return [f"{self.alias}.{column}" for column in self.columns]


@dataclass(slots=True)
class Maker:
    """One query for each seed."""

    seed: int
    chance: random.Random = field(init=False)
    made: int = 0
    ctes: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - queries for a test

    def query(self) -> tuple[str, tuple[str, ...]]:
        """The query and the names of its columns."""
        for _ in range(self.chance.randrange(3)):
            text, columns = self.body(1)
            name = self._name("c")
            self.ctes.append((name, text, columns))
        text, columns = self.body(2)
        if not self.ctes:
            return text, columns
        parts = ", ".join(f"{name} AS ({inner})" for name, inner, _ in self.ctes)
        return f"WITH {parts} {text}", columns

    def body(self, depth: int) -> tuple[str, tuple[str, ...]]:
        """A SELECT, or several put together."""
        text, columns = self.select(depth)
        kind = self.chance.choice(["", "", "", "UNION ALL", "UNION", "EXCEPT", "UNION ALL BY NAME"])
        if not kind or "*" in text.partition("FROM")[0]:
            return text, columns
        other, theirs = self.select(depth)
        if "*" in other.partition("FROM")[0]:
            return text, columns
        if kind.endswith("NAME"):
            return f"{text} {kind} {other}", (*columns, *(name for name in theirs if name not in columns))
        if len(theirs) != len(columns):
            return text, columns
        return f"{text} {kind} {other}", columns

    def select(self, depth: int) -> tuple[str, tuple[str, ...]]:
        """One SELECT over one to three sources."""
        source, sources = self._sources(depth)
        names = [name for each in sources for name in each.named]
        shape = self.chance.choice(["plain", "plain", "star", "grouped", "folded", "windowed", "distinct"])
        where = f" WHERE {self._condition(names, depth)}" if self.chance.random() < 0.4 else ""
        if shape == "star" and len(sources) == 1:
            extra = self._name("x")
            return f"SELECT *, {self._scalar(names, depth)} AS {extra} FROM {source}{where}", (
                *sources[0].columns,
                extra,
            )
        if shape == "folded":
            return self._listed([self._fold(names) for _ in range(2)], "", f"{source}{where}")
        if shape == "grouped":
            keys = self.chance.sample(names, k=min(2, len(names)))
            folds = [self._fold(names) for _ in range(self.chance.randrange(1, 3))]
            group = self.chance.choice(["ALL", ", ".join(keys)])
            having = f" HAVING count(*) > {self.chance.randrange(2)}" if self.chance.random() < 0.3 else ""
            return self._listed([*keys, *folds], "", f"{source}{where} GROUP BY {group}{having}")
        items = [self._scalar(names, depth) for _ in range(self.chance.randrange(1, 4))]
        tail = ""
        if shape == "windowed":
            items.append(self._filled(self.chance.choice(WINDOWS), names))
            if self.chance.random() < 0.4:
                tail = f" QUALIFY {self._filled('rank() OVER (PARTITION BY {} ORDER BY {})', names)} < 3"
        word = "DISTINCT " if shape == "distinct" else ""
        return self._listed(items, word, f"{source}{where}{tail}")

    def _listed(self, items: list[str], word: str, rest: str) -> tuple[str, tuple[str, ...]]:
        names = tuple(self._name("k") for _ in items)
        listed = ", ".join(f"{item} AS {name}" for item, name in zip(items, names, strict=True))
        return f"SELECT {word}{listed} FROM {rest}", names

    def _sources(self, depth: int) -> tuple[str, list[Source]]:
        first = self._source(depth)
        text, sources = f"{first.text} AS {first.alias}", [first]
        for _ in range(self.chance.choice([0, 0, 1, 1, 2])):
            kind = self.chance.choice(["JOIN", "LEFT JOIN", "FULL JOIN", "CROSS JOIN", "LATERAL", "UNNEST"])
            if kind == "LATERAL":
                name, column = self._name("r"), self._name("k")
                inner = self.chance.choice(sources[0].named)
                text += f", LATERAL (SELECT max(v) + {inner} AS {column} FROM s.u WHERE s.u.id = {inner}) AS {name}"
                sources.append(Source("", name, (column,)))
                continue
            if kind == "UNNEST":
                name, column = self._name("r"), self._name("k")
                text += f", (SELECT id AS {column}, unnest(items) AS {column}x FROM s.l) AS {name}"
                sources.append(Source("", name, (column, f"{column}x")))
                continue
            other = self._source(depth)
            text += f" {kind} {other.text} AS {other.alias}"
            if kind != "CROSS JOIN":
                text += f" ON {self.chance.choice(sources[0].named)} = {self.chance.choice(other.named)}"
            sources.append(other)
        return text, sources

    def _source(self, depth: int) -> Source:
        alias = self._name("r")
        if depth and self.chance.random() < 0.4:
            text, columns = self.body(depth - 1)
            return Source(f"({text})", alias, columns)
        if self.ctes and self.chance.random() < 0.6:
            name, _, columns = self.chance.choice(self.ctes)
            return Source(name, alias, columns)
        table = self.chance.choice(["s.t", "s.u"])
        return Source(table, alias, TABLES[table])

    def _scalar(self, names: list[str], depth: int) -> str:
        roll = self.chance.random()
        if roll < 0.35:
            return self.chance.choice(names)
        if roll < 0.45 and depth:
            return f"(SELECT max(w) FROM s.u AS q WHERE q.id = {self.chance.choice(names)})"
        return self._filled(self.chance.choice(SCALARS), names)

    def _condition(self, names: list[str], depth: int) -> str:
        kinds = ["{} > 1", "{} IS NOT NULL", "{} <> {}"]
        if depth:
            kinds += ["{} IN (SELECT v FROM s.u)", "EXISTS (SELECT 1 FROM s.u AS e WHERE e.id = {} AND e.w > 0)"]
        return self._filled(self.chance.choice(kinds), names)

    def _fold(self, names: list[str]) -> str:
        return self._filled(self.chance.choice(FOLDS), names)

    def _filled(self, text: str, names: list[str]) -> str:
        return text.format(*(self.chance.choice(names) for _ in range(text.count("{}"))))

    def _name(self, letter: str) -> str:
        self.made += 1
        return f"{letter}{self.made}"
