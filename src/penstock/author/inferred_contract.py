"""A contract from guesses: those that are sure enough become its rules, over what people wrote already."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.author.contracts import FIRST_VERSION, contract_path
from penstock.contract.writing import write_contract
from penstock.documents import read_yaml, to_yaml
from penstock.model.contracts import ColumnSpec, Contract, Rule, RuleKind
from penstock.quality.inference import Guess, GuessKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOOKS_LIKE = "looksLike"
"""The custom property that says as what a text column could be read."""
_RULES = {
    GuessKind.ACCEPTED_VALUES: RuleKind.ACCEPTED_VALUES,
    GuessKind.MINIMUM: RuleKind.RANGE,
    GuessKind.MAXIMUM: RuleKind.RANGE,
    GuessKind.PATTERN: RuleKind.PATTERN,
}


def adopted(guesses: Sequence[Guess], threshold: float, existing: Contract | None, text: str = "") -> tuple[Guess, ...]:
    """The guesses that are sure, one key among them, and of which the existing contract (`text`) says nothing yet."""
    chosen: list[Guess] = []
    looked = _looked_at(text, existing.file) if existing is not None else frozenset[str]()
    for guess in guesses:
        if not guess.sure(threshold) or (existing is not None and _is_said(guess, existing)):
            continue
        if guess.kind is GuessKind.LOOKS_LIKE and guess.columns[0].casefold() in looked:
            continue
        if guess.kind is GuessKind.KEY and any(one.kind is GuessKind.KEY for one in chosen):
            continue
        chosen.append(guess)
    return tuple(chosen)


def drafted(dataset: str, owner: str | None, columns: Sequence[tuple[str, str]], chosen: Sequence[Guess]) -> str:
    """The text of a first contract. Descriptions are there and empty: to be filled by somebody who knows."""
    document = _document(dataset, owner, columns, chosen)
    document |= {"status": "draft", "description": {"purpose": ""}}
    order = ("apiVersion", "kind", "id", "name", "version", "status", "description", "team", "schema")
    (element,) = document["schema"]
    element["properties"] = [_described(entry) for entry in element["properties"]]
    return to_yaml({key: document[key] for key in order if key in document})


def extended(
    text: str, existing: Contract, owner: str | None, columns: Sequence[tuple[str, str]], chosen: Sequence[Guess]
) -> str:
    """The text of an existing contract with what it does not say yet; nothing that stands there is changed."""
    document: dict[str, Any] = read_yaml(text, existing.file).data
    fresh = _document(existing.dataset, owner, columns, chosen)["schema"][0]
    element = document["schema"][0]
    there = {str(entry["name"]).casefold(): entry for entry in element["properties"]}
    for entry in fresh["properties"]:
        old = there.get(entry["name"].casefold())
        if old is None:
            element["properties"].append(_described(entry))
        else:
            _add(old, entry, is_keyed=bool(existing.key))
    return to_yaml(document)


def new_columns(existing: Contract, columns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Columns of the data that a contract does not name."""
    known = {column.name.casefold() for column in existing.columns}
    return tuple(name for name, _ in columns if name.casefold() not in known)


def _looked_at(text: str, file: str) -> frozenset[str]:
    """The columns of a contract that it says a look of."""
    entries = read_yaml(text, file).data["schema"][0]["properties"]
    return frozenset(
        str(entry["name"]).casefold()
        for entry in entries
        for custom in entry.get("customProperties") or ()
        if isinstance(custom, dict) and custom.get("property") == LOOKS_LIKE
    )


def _is_said(guess: Guess, existing: Contract) -> bool:
    if guess.kind is GuessKind.KEY:
        return bool(existing.key)
    column = next((one for one in existing.columns if one.name.casefold() == guess.columns[0].casefold()), None)
    if column is None:
        return False
    if guess.kind is GuessKind.REQUIRED:
        return column.required or column.name in existing.key
    if guess.kind is GuessKind.PERSONAL:
        return column.personal is not None
    kind = _RULES.get(guess.kind)
    return any(rule.kind is kind and rule.columns == (column.name,) for rule in existing.rules)


def _document(
    dataset: str, owner: str | None, columns: Sequence[tuple[str, str]], chosen: Sequence[Guess]
) -> dict[str, Any]:
    """The document of a contract that promises what was chosen and nothing else."""
    key = next((guess.columns for guess in chosen if guess.kind is GuessKind.KEY), ())
    required = {guess.columns[0] for guess in chosen if guess.kind is GuessKind.REQUIRED}
    personal = {guess.columns[0]: guess.values[0] for guess in chosen if guess.kind is GuessKind.PERSONAL}
    specs = tuple(
        ColumnSpec(name=name, type=type_, required=name in required, key=name in key, personal=personal.get(name))
        for name, type_ in columns
    )
    contract = Contract(
        dataset=dataset,
        file=contract_path(dataset),
        version=FIRST_VERSION,
        columns=specs,
        key=key,
        rules=tuple(rule for name, _ in columns for rule in _rules(name, chosen)),
        owner=owner,
    )
    document: dict[str, Any] = read_yaml(write_contract(contract), contract.file).data
    looks = {guess.columns[0]: guess.values[0] for guess in chosen if guess.kind is GuessKind.LOOKS_LIKE}
    for entry in document["schema"][0]["properties"]:
        if entry["name"] in looks:
            entry.setdefault("customProperties", []).append({"property": LOOKS_LIKE, "value": looks[entry["name"]]})
    return document


def _rules(column: str, chosen: Sequence[Guess]) -> Iterator[Rule]:
    mine = {guess.kind: guess for guess in chosen if guess.columns == (column,)}
    low, high = mine.get(GuessKind.MINIMUM), mine.get(GuessKind.MAXIMUM)
    if low or high:
        name = _range_name(column, low, high)
        yield Rule(
            kind=RuleKind.RANGE,
            columns=(column,),
            name=name,
            description=_inferred(name, *(one for one in (low, high) if one)),
            low=low.values[0] if low else None,
            high=high.values[0] if high else None,
        )
    base = Rule(kind=RuleKind.PATTERN, columns=(column,))
    if listed := mine.get(GuessKind.ACCEPTED_VALUES):
        name = f"{column} is one of {len(listed.values)} values"
        kind = RuleKind.ACCEPTED_VALUES
        yield replace(base, kind=kind, name=name, description=_inferred(name, listed), values=listed.values)
    if pattern := mine.get(GuessKind.PATTERN):
        name = f"{column} is written as it was"
        yield replace(base, name=name, description=_inferred(name, pattern), pattern=pattern.values[0])


def _range_name(column: str, low: Guess | None, high: Guess | None) -> str:
    if low and high:
        return f"{column} is between {low.values[0]} and {high.values[0]}"
    if high:
        return f"{column} is at most {high.values[0]}"
    assert low is not None  # noqa: S101 - one of the two is there
    return f"{column} is never negative" if low.values[0] == "0" else f"{column} is at least {low.values[0]}"


def _inferred(promise: str, *guesses: Guess) -> str:
    return f"{promise} (inferred: {'; '.join(guess.reason for guess in guesses)})"


def _described(entry: dict[str, Any]) -> dict[str, Any]:
    return {"name": entry["name"], "description": "", **{key: entry[key] for key in entry if key != "name"}}


def _add(old: dict[str, Any], fresh: dict[str, Any], *, is_keyed: bool) -> None:
    """Put what is chosen of a column into what stands there of it; the key only as a whole."""
    for key in ("required", "classification", *(() if is_keyed else ("primaryKey", "primaryKeyPosition"))):
        if key in fresh and key not in old:
            old[key] = fresh[key]
    known = {one.get("property") for one in old.get("customProperties") or () if isinstance(one, dict)}
    more = [one for one in fresh.get("customProperties", ()) if one["property"] not in known]
    if more:
        old["customProperties"] = [*(old.get("customProperties") or ()), *more]
    if rules := fresh.get("quality"):
        old["quality"] = [*(old.get("quality") or ()), *rules]
