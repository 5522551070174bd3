"""What senders do to files and values, and what each policy makes of it."""

from __future__ import annotations

import codecs
import gzip
from dataclasses import dataclass

HEADER = "id,day,amount\n"
CLEAN = HEADER + "1,2024-03-01,1.50\n2,2024-03-01,2.50\n"
ROWS = (("1", "2024-03-01", "1.50"), ("2", "2024-03-01", "2.50"))
REFUSED, TAKEN = "refused", "taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCase:
    """A file of one day, and what becomes of it under `freeze` and under `evolve`: rows, or the code of a finding."""

    name: str
    content: bytes
    freeze: tuple[tuple[str | None, ...], ...] | str
    evolve: tuple[tuple[str | None, ...], ...] | str
    suffix: str = ".csv"


def _text(name: str, text: str, freeze: object, evolve: object, encoding: str = "utf-8") -> FileCase:
    return FileCase(name=name, content=text.encode(encoding), freeze=freeze, evolve=evolve)  # type: ignore[arg-type]


BROKEN, OTHER = "source.broken_file", "source.other_header"
BIG_END_FIRST = codecs.BOM_UTF16_BE + CLEAN.encode("utf-16-be")
PACKED = gzip.compress(CLEAN.encode())
SWAPPED = "amount,id,day\n1.50,1,2024-03-01\n2.50,2,2024-03-01\n"
NO_DAY = (("1", None, "1.50"), ("2", None, "2.50"))
FILES: tuple[FileCase, ...] = (
    _text("clean", CLEAN, ROWS, ROWS),
    _text("no last newline", CLEAN.rstrip("\n"), ROWS, ROWS),
    _text("crlf", CLEAN.replace("\n", "\r\n"), ROWS, ROWS),
    _text("byte order mark", CLEAN, ROWS, ROWS, "utf-8-sig"),
    _text("quoted header", CLEAN.replace("id,day", '"id","day"'), ROWS, ROWS),
    _text("quoted values", HEADER + '"1","2024-03-01","1.50"\n"2","2024-03-01","2.50"\n', ROWS, ROWS),
    _text("blank line", HEADER + "1,2024-03-01,1.50\n\n2,2024-03-01,2.50\n", ROWS, ROWS),
    _text("blanks in the header", CLEAN.replace("id,day", " id , day "), ROWS, ROWS),
    _text("case of the header", CLEAN.replace("id,day", "ID,Day"), OTHER, ROWS),
    _text("signs in the header", CLEAN.replace("id,day", "id_,#day"), OTHER, ROWS),
    _text("another name", CLEAN.replace("amount", "total"), OTHER, ROWS),
    _text("another order", SWAPPED, OTHER, ROWS),
    _text("a column more", CLEAN.replace("\n", ",x\n"), OTHER, ROWS),
    _text("a column less", "id,amount\n1,1.50\n2,2.50\n", OTHER, NO_DAY),
    _text("a column of no name", CLEAN.replace("\n", ",\n"), OTHER, ROWS),
    _text("a column twice", CLEAN.replace("day", "id", 1), OTHER, BROKEN),
    _text("none of the columns", CLEAN.replace("id,day,amount", "a,b,c"), OTHER, OTHER),
    _text("semicolons", CLEAN.replace(",", ";"), OTHER, ROWS),
    _text("tabs", CLEAN.replace(",", "\t"), OTHER, ROWS),
    _text("bars", CLEAN.replace(",", "|"), OTHER, ROWS),
    _text("utf-16", CLEAN, BROKEN, ROWS, "utf-16"),
    FileCase(name="utf-16, big end first", content=BIG_END_FIRST, freeze=BROKEN, evolve=ROWS),
    _text("windows-1252", CLEAN.replace("2.50", "é"), BROKEN, (ROWS[0], ("2", "2024-03-01", "é")), "cp1252"),
    FileCase(name="no text at all", content=HEADER.encode() + b"\x81\x8d,\xff,1\n", freeze=BROKEN, evolve=BROKEN),
    _text("empty", "", BROKEN, BROKEN),
    _text("a header alone", HEADER, BROKEN, BROKEN),
    _text("a short row", CLEAN + "3,2024-03-01\n", BROKEN, BROKEN),
    _text("a long row", CLEAN + "3,2024-03-01,1,1\n", BROKEN, BROKEN),
    _text("an open quote", CLEAN + '3,"2024-03-01,1\n', BROKEN, BROKEN),
    _text("a zero byte", CLEAN + "3,\0,1\n", BROKEN, BROKEN),
    _text("a page of an error", "<html><body>502 Bad Gateway</body></html>\n", OTHER, OTHER),
    FileCase(name="packed", content=PACKED, freeze=ROWS, evolve=ROWS, suffix=".csv.gz"),
    FileCase(
        name="packed and cut off",
        content=PACKED[:-6],
        freeze=BROKEN,
        evolve=BROKEN,
        suffix=".csv.gz",
    ),
    FileCase(name="called packed", content=CLEAN.encode(), freeze=BROKEN, evolve=BROKEN, suffix=".csv.gz"),
    FileCase(
        name="packed twice over",
        content=gzip.compress(CLEAN.encode()[:20]) + gzip.compress(CLEAN.encode()[20:]),
        freeze=ROWS,
        evolve=ROWS,
        suffix=".csv.gz",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCase:
    """One value that its column's contract does not allow, under each of the three policies.

    `null` is False where the policy cannot mean anything: the contract then leaves it out.
    """

    name: str
    type: str
    bad: str
    rule: str = ""
    good: str = "1"
    null: bool = True


def _limit(arguments: str) -> str:
    return f"quality: [{{metric: invalidValues, arguments: {{{arguments}}}, mustBe: 0}}]"


VALUES: tuple[ValueCase, ...] = (
    ValueCase(name="no number", type="INTEGER", bad="n/a"),
    ValueCase(name="a fraction", type="INTEGER", bad="1.5"),
    ValueCase(name="too large", type="INTEGER", bad="99999999999"),
    ValueCase(name="too precise", type="DECIMAL(9,2)", bad="1.005"),
    ValueCase(name="a comma", type="DECIMAL(9,2)", bad='"1,50"'),
    ValueCase(name="no date", type="DATE", bad="2024-02-30", good="2024-02-28"),
    ValueCase(name="another form of date", type="DATE", bad="28.02.2024", good="2024-02-28"),
    ValueCase(name="a date with a time", type="DATE", bad="2024-02-28 10:00:00", good="2024-02-28"),
    ValueCase(name="no moment", type="TIMESTAMP", bad="25:00", good="2024-02-28 10:00:00"),
    ValueCase(name="neither true nor false", type="BOOLEAN", bad="maybe", good="true"),
    ValueCase(name="below", type="INTEGER", bad="-1", rule=_limit("minimum: 0")),
    ValueCase(name="above", type="INTEGER", bad="101", rule=_limit("maximum: 100")),
    ValueCase(name="not listed", type="VARCHAR", bad="blue", good="red", rule=_limit("validValues: [red, green]")),
    ValueCase(name="another shape", type="VARCHAR", bad="ab", good="AB", rule=_limit("pattern: '^[A-Z]+$'")),
    ValueCase(name="too long", type="VARCHAR", bad="abcd", good="abc", rule="logicalTypeOptions: {maxLength: 3}"),
    ValueCase(name="too short", type="VARCHAR", bad="a", good="abc", rule="logicalTypeOptions: {minLength: 2}"),
    ValueCase(name="missing", type="VARCHAR", bad="", good="a", rule="required: true", null=False),
    ValueCase(
        name="a word for missing",
        type="VARCHAR",
        bad="unknown",
        good="a",
        rule="quality: [{metric: missingValues, arguments: {missingValues: [unknown]}, mustBe: 0}]",
        null=False,
    ),
)
POLICIES = ("fail", "quarantine", "null")
