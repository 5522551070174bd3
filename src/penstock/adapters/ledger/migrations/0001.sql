-- The journal: append only, one row a fact, each holding the hash of the one before.
CREATE TABLE journal (
    seq      INTEGER PRIMARY KEY,
    at       TEXT NOT NULL,
    kind     TEXT NOT NULL,
    body     TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash     TEXT NOT NULL UNIQUE
) STRICT;

CREATE TRIGGER journal_keeps_its_rows BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append only'); END;
CREATE TRIGGER journal_keeps_its_facts BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append only'); END;

-- The state: folded from the journal in the same transaction, and again by `penstock doctor`.
CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT, token INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE versions (
    dataset TEXT, version TEXT, relation TEXT, materialization TEXT, defined_at TEXT,
    PRIMARY KEY (dataset, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
    run TEXT PRIMARY KEY, purpose TEXT, plan TEXT, tasks INTEGER, state TEXT, reason TEXT,
    started_at TEXT, finished_at TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE attempts (
    publish_id TEXT, attempt INTEGER, run TEXT, dataset TEXT, version TEXT, interval TEXT, inputs TEXT, state TEXT,
    rows INTEGER, checks INTEGER, failed_checks TEXT, code TEXT, message TEXT, started_at TEXT, finished_at TEXT,
    PRIMARY KEY (publish_id, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_state ON attempts (state);
CREATE INDEX attempts_by_run ON attempts (run);
CREATE TABLE coverage (
    dataset TEXT, version TEXT, "start" TEXT, "end" TEXT, publish_id TEXT, rows INTEGER, inputs TEXT, seq INTEGER,
    PRIMARY KEY (dataset, version, "start", "end")
) STRICT, WITHOUT ROWID;
CREATE TABLE environments (
    environment TEXT, dataset TEXT, version TEXT, promotion TEXT, PRIMARY KEY (environment, dataset)
) STRICT, WITHOUT ROWID;
CREATE TABLE promotions (
    promotion TEXT PRIMARY KEY, environment TEXT, mapping TEXT, previous TEXT, state TEXT, reason TEXT, at TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE changes (
    "change" TEXT PRIMARY KEY, title TEXT, story TEXT, story_sha256 TEXT, author TEXT, base_commit TEXT,
    base_branch TEXT, branch TEXT, until TEXT, stage TEXT, state TEXT, reason TEXT, merge_commit TEXT,
    promotion TEXT, previous TEXT, observe_from TEXT, opened_at TEXT, updated_at TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE questions (
    "change" TEXT, question TEXT, text TEXT, path TEXT, answer TEXT, answered_by TEXT,
    PRIMARY KEY ("change", question)
) STRICT, WITHOUT ROWID;
CREATE TABLE stages (
    "change" TEXT, stage TEXT, entered_commit TEXT, "commit" TEXT, envelope_sha256 TEXT, outcomes TEXT, state TEXT,
    passed_at TEXT, PRIMARY KEY ("change", stage)
) STRICT, WITHOUT ROWID;
CREATE TABLE approvals (
    "change" TEXT, key_id TEXT, envelope_sha256 TEXT, name TEXT, approval_sha256 TEXT, at TEXT,
    PRIMARY KEY ("change", key_id, envelope_sha256)
) STRICT, WITHOUT ROWID;
CREATE TABLE observations (
    "change" TEXT, interval TEXT, state TEXT, detail TEXT, at TEXT, PRIMARY KEY ("change", interval)
) STRICT, WITHOUT ROWID;
