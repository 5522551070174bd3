"""What an author hands in to get its way: each entry is files, and the code of the finding that has to stop them."""

from __future__ import annotations

QUERY = "pipelines/shop/daily_orders.sql"
CONTRACT = "contracts/shop.daily_orders.odcs.yaml"

PATHS = {
    "the story of its own change, with a wider impact": "changes/SHOP-9/story.md",
    "the plan of its own change": "changes/SHOP-9/plan.json",
    "an approval of its own change": "changes/SHOP-9/evidence/09-approval-demo-reviewer.dsse.json",
    "its own change in other letters": "Changes/shop-9/story.md",
    "settings that git keeps, in other letters": ".GIT/config",
    "the settings in other letters": "Penstock.yaml",
    "the keys in other letters": "KEYS/mallory.yaml",
    "a query in other letters": "pipelines/shop/Daily_orders.sql",
    "a name that is an option": "docs/--force.md",
    "a name with a newline": "docs/a\nb.md",
    "a name that reads backwards": "docs/\u202elmth.md",
    "a name with an escape sequence": "docs/\x1b[2J.md",
    "a name that Windows keeps for a device": "docs/CON.md",
    "a name that ends with a dot": "docs/shop.md.",
    "a stream beside a file": "docs/shop.md:hidden",
    "a backslash that is a folder elsewhere": "docs\\..\\penstock.yaml",
}
"""Files whose place alone is the attack; all are refused with `change.odd_path`."""

PROTECTED = {
    "no approvals": ("penstock.yaml", "name: shop\npolicy:\n  approvals: 0\n", "gate.protected_file"),
    "an approver of its own": ("keys/mallory.yaml", None, "gate.protected_file"),
    "its own key as an approver's": ("keys/demo-author.yaml", None, "gate.protected_file"),
    "a workflow that deploys": (".github/workflows/deploy.yml", "on: push\n", "gate.protected_file"),
    "diffs that show nothing": (".gitattributes", "*.sql -diff\n", "gate.protected_file"),
    "somebody else's repository inside": (".gitmodules", '[submodule "x"]\n\tpath = x\n', "gate.protected_file"),
    "a hook": (".githooks/pre-commit", "#!/bin/sh\n", "gate.protected_file"),
    "ignored files": (".gitignore", "contracts/\n", "gate.protected_file"),
    "the dossier of another change": ("changes/SHOP-1/dossier.md", "# All is well\n", "gate.protected_file"),
    "evidence of another change": ("changes/SHOP-1/evidence/99-approval-x.dsse.json", "{}\n", "gate.protected_file"),
    "code that our own commands would import": ("click.py", "raise SystemExit('planted')\n", "gate.unplanned_file"),
    "code that Python would import": ("sitecustomize.py", "raise SystemExit('planted')\n", "gate.unplanned_file"),
    "a secret": ("docs/shop.md", "The key is AKIAIOSFODNN7EXAMPLQ.\n", "gate.secret_in_diff"),
    "an edited make file": ("Makefile", "test:\n\ttrue\n", "gate.unplanned_file"),
}
"""Files that decide, run or show; each is refused by a gate, which names the file."""

_SELECT = "SELECT count(*) AS n FROM shop.daily_orders"
QUERIES = {
    "a statement behind a query": f"{_SELECT}; COMMIT; DROP TABLE shop.daily_orders",
    "another database": "ATTACH 'x.db'",
    "rows written to a file": f"COPY ({_SELECT}) TO 'out.csv'",
    "an extension": "INSTALL httpfs",
    "an extension loaded": "LOAD httpfs",
    "a setting": "SET enable_external_access = true",
    "a pragma": "PRAGMA database_list",
    "a call": "CALL pragma_version()",
    "a table made": "CREATE TABLE x AS SELECT 1 AS a",
    "rows deleted": "DELETE FROM shop.daily_orders",
    "rows changed": "UPDATE shop.daily_orders SET revenue = 0",
    "the whole database written out": "EXPORT DATABASE 'out'",
    "a file as CSV": "SELECT * FROM read_csv('/etc/passwd')",
    "a file as text": "SELECT content FROM read_text('/etc/passwd')",
    "a file as bytes": "SELECT content FROM read_blob('/etc/shadow')",
    "a file by its name": "SELECT * FROM '/etc/passwd'",
    "names of files": "SELECT * FROM glob('/home/*')",
    "a page of the network": "SELECT * FROM read_json('https://example.com/x.json')",
    "the environment": "SELECT getenv('PENSTOCK_KEYS') AS a",
    "settings read": "SELECT current_setting('home_directory') AS a",
    "secrets of the database": "SELECT * FROM duckdb_secrets()",
    "the catalog": "SELECT * FROM information_schema.tables",
    "what Penstock keeps in the warehouse": "SELECT * FROM _penstock.ledger",
    "a query hidden in a text": "SELECT * FROM query('SELECT 1')",
    "a table hidden in a text": "SELECT * FROM query_table('_penstock.ledger')",
    "a function in quotes": "SELECT * FROM \"read_csv\"('/etc/passwd')",
    "a comment in a name": "SELECT * FROM read_csv/**/('/etc/passwd')",
    "a sequence set": "SELECT nextval('x') AS a",
    "another database's rows": "SELECT * FROM postgres_scan('host=x', 'public', 'y')",
    "a merge": "MERGE INTO shop.daily_orders USING shop.x ON true WHEN MATCHED THEN DELETE",
}
"""Texts of queries; each is refused when the plan is made, at its file."""

_EXPORT = "of: shop.daily_orders\nformat: csv\n"
FILES = {
    "data above the project": ("pipelines/shop/s_above.source.yaml", "path: ../../secret.csv\n"),
    "data of the system": ("pipelines/shop/s_system.source.yaml", "path: /etc/passwd\n"),
    "data at an address": ("pipelines/shop/s_address.source.yaml", "path: https://example.com/x.csv\n"),
    "an export above the project": ("pipelines/shop/e_above.export.yaml", f"{_EXPORT}path: ../../out.csv\n"),
    "an export over the system": ("pipelines/shop/e_system.export.yaml", f"{_EXPORT}path: /etc/cron.d/x\n"),
    "a program of nowhere": ("pipelines/shop/c_above.command.yaml", "run: [../../evil.sh]\n"),
    "Python that is none": ("pipelines/shop/p_broken.py", "def f(:\n"),
}
"""Files of the model that lead out of the project; each is refused when the plan is made, at its file."""

STORIES = {
    "approvals in the story": ("approvals: 0\n", "document.unknown_key"),
    "policy in the story": ("policy: {approvals: 0, quality_score: 0}\n", "document.unknown_key"),
    "gates waived in the story": ("waive: [protected_file]\n", "document.unknown_key"),
    "a patch above the story": ("author: {kind: patch, file: ../../x.patch}\n", "story.path_outside"),
    "files of the system": ("author: {kind: files, directory: /etc}\n", "story.path_outside"),
    "an option for a branch": ("author: {kind: branch, branch: --output=/etc/passwd}\n", "story.bad_branch"),
    "a program by its path": ("author: {kind: command, name: /bin/sh, writes: [pipelines/]}\n", "author.unknown"),
    "a program without bounds": ("author: {kind: command, name: writer}\n", "story.unbounded_author"),
    "writing above the project": ("author: {kind: files, directory: x, writes: [../]}\n", "story.path_outside"),
    "an id that is a path": ("id: ../../etc\n", "story.bad_id"),
    "the id of a change that has ended": ("id: SHOP-1\n", "change.ended"),
    "a criterion that writes": (
        "acceptance: {A9: {text: x, sql: 'SELECT 1; DROP TABLE shop.daily_orders'}}\n",
        "story.bad_query",
    ),
    "a criterion that reads files": (
        "acceptance: {A9: {text: x, sql: \"SELECT * FROM read_text('/etc/passwd')\"}}\n",
        "story.bad_query",
    ),
    "an impact that is a query": ("impact: {shop.daily_orders: {where: '1=1); DROP TABLE x; --'}}\n", "story."),
}
"""Front matter that orders something; each is refused with a code that begins so."""

DAILY_VISITS = "pipelines/shop/daily_visits.sql"
VISITS_CONTRACT = "contracts/shop.daily_visits.odcs.yaml"
_NEW_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.{name}
name: shop.{name}
version: 1.0.0
status: active
description: {{purpose: Big orders.}}
team: {{name: shop-team}}
schema:
  - name: {name}
    physicalName: shop.{name}
    logicalType: object
    properties:
      - {{name: order_id, description: The number., logicalType: integer, physicalType: BIGINT, required: true}}
slaProperties:
  - {{property: timeOfAvailability, value: "07:00"}}
  - {{property: retention, value: 2, unit: years}}
"""
_NEW_QUERY = """\
/* penstock
description: Big orders.
materialize: table
*/
SELECT order_id FROM shop.stg_orders WHERE amount > {above}
"""
ORDINARY_NEW = {
    "a table": ("pipelines/shop/big_orders.sql", _NEW_QUERY.format(above=2)),
    "its contract": ("contracts/shop.big_orders.odcs.yaml", _NEW_CONTRACT.format(name="big_orders")),
    "another table": ("pipelines/shop/bigger_orders.sql", _NEW_QUERY.format(above=3)),
    "its contract too": ("contracts/shop.bigger_orders.odcs.yaml", _NEW_CONTRACT.format(name="bigger_orders")),
    "a page": ("docs/big orders.md", "# Big orders\n\nWho approves them, and what their key is: `order_id`.\n"),
    "a page in another language": ("docs/Große Aufträge.md", "# Große Aufträge\n"),
    "a README": ("README.md", "# The shop\n\n$ penstock deliver stories/SHOP-9.md\n"),
    "an example": ("examples/question.sql", "SELECT * FROM shop.big_orders;\nDROP TABLE scratch;\n"),
    "a list of words": ("docs/words.md", "password, token, secret: words, and no values\n"),
    "a deep folder": ("docs/a/b/c/d.md", "# Deep\n"),
}
"""Ordinary new files, that a change may bring."""

ORDINARY_EDITS = {
    "an expression": (QUERY, "sum(amount)", "sum(amount + if(amount = 1.50, 0.10, 0))"),
    "a comment": (QUERY, "-- What was paid.", "-- What was paid, with the fee."),
    "a description of a dataset": (QUERY, "description: Orders by day.", "description: Orders by day, with fees."),
    "the layout of a query": (DAILY_VISITS, "count(*) AS visits", "count( * )  AS visits"),
    "a description of a column": (
        CONTRACT,
        "description: How many orders.",
        "description: How many orders there were.",
    ),
    "a purpose": (CONTRACT, "purpose: Orders by day.", "purpose: Orders by day, with fees."),
    "one more promise": (VISITS_CONTRACT, "description: How many visits.", "description: How many visits, robots too."),
    "a page": ("docs/shop.md", "\n", "\n\nFees are told of here.\n"),
    "a comment of the pipeline": ("pipelines/shop/pipeline.yaml", "owner:", "# who is asked\nowner:"),
    "a comment of objectives": ("monitoring/shop.slo.yaml", "", "# what we hold ourselves to\n"),
    "a comment of a test": ("tests/shop.daily_orders.test.yaml", "", "# days and their orders\n"),
}
"""Ordinary edits: a file, what stood there, and what stands there now."""
