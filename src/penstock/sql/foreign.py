"""A query written for another database: one SELECT that changes nothing and reaches nothing but that database's tables.

It is a first bound, with places and remedies; the second is the read-only transaction that it runs in, and the last
what the account may see.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot._version import __version__
from sqlglot.errors import SqlglotError

if TYPE_CHECKING:
    from collections.abc import Iterator

DIALECTS = {"postgres": "postgres", "sqlite": "sqlite", "mysql": "mysql"}
"""The parser's name for each engine's language."""
_CHANGES = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.Command,
    exp.Set,
    exp.Copy,
    exp.Into,
    exp.Lock,
    exp.Pragma,
    exp.Attach,
)
_REACHES = re.compile(
    r"pg_\w+|binary_upgrade_\w+|brin_\w+|gin_clean_pending_list|lo_\w+|loread|lowrite|dblink\w*|set_config|current_setting"
    r"|(query|table|schema|database|cursor)_to_xml\w*|ts_(rewrite|stat)|nextval|setval|setseed|load_file|load_extension"
    r"|readfile|writefile|sleep|benchmark|get_lock|release_(all_)?locks?|sys_(exec|eval)|fts3_tokenizer"
)
_HARMLESS = re.compile(
    r"pg_(typeof|column_size|column_compression|size_pretty|size_bytes|backend_pid|is_in_recovery|collation_for|client_encoding"
    r"|input_is_valid|input_error_info|char_to_encoding|encoding_to_char|my_temp_schema|postmaster_start_time"
    r"|(table|total_relation|relation|indexes|database)_size|xact_commit_timestamp|current_xact_id(_if_assigned)?"
    r"|current_snapshot|snapshot_\w+|get_(\w*def|expr|serial_sequence|userbyid|keywords)|\w+_is_visible|partition_(root|tree))"
)
"""Functions of Postgres named `pg_…` that only say something; most are for those who run it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignQuery:
    """A query as it is sent, and the digest of what it means, whatever its layout and comments.

    `wrong` says what it must not do, by code and sentence; then nothing is sent.
    """

    text: str
    digest: str
    wrong: tuple[tuple[str, str], ...] = ()


def read_foreign(text: str, engine: str) -> ForeignQuery:
    """A query of a source, judged."""
    dialect = DIALECTS[engine]
    try:
        read = sqlglot.parse(text, read=dialect)
    except SqlglotError as error:
        said = str(error).splitlines()[0] if str(error) else "it cannot be read"
        return ForeignQuery(text=text, digest="", wrong=(("source.query_syntax", said),))
    statements = [one for one in read if one is not None and not isinstance(one, exp.Semicolon)]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        message = "the query is not one SELECT"
        return ForeignQuery(text=text, digest="", wrong=(("source.not_a_select", message),))
    tree = statements[0]
    wrong = tuple(dict.fromkeys(_wrong(tree)))
    plain = tree.sql(dialect=dialect, comments=False, normalize_functions="upper")
    digest = hashlib.sha256(f"{__version__}\n{dialect}\n{plain}".encode()).hexdigest()[:16]
    # without comments, semicolon and what else would end the brackets that it is put into
    return ForeignQuery(text=tree.sql(dialect=dialect, comments=False), digest=digest, wrong=wrong)


def _wrong(tree: exp.Expr) -> Iterator[tuple[str, str]]:
    for node in tree.walk():
        if isinstance(node, _CHANGES):
            yield "source.query_changes", f"the query holds {node.key.upper()}, which is not for reading"
        elif isinstance(node, exp.Placeholder | exp.Parameter):
            yield "source.query_parameter", "the query holds a parameter, and nothing would be bound to it"
        elif isinstance(node, exp.Func):
            name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
            if _REACHES.fullmatch(name) and not _HARMLESS.fullmatch(name):
                yield "source.query_reaches", f"the query calls {name}, which reaches beyond its tables"
