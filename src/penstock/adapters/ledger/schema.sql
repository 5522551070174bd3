-- The journal: append only, one row a fact, each holding the hash of the one before.
CREATE TABLE journal (
    seq      INTEGER PRIMARY KEY,
    at       TEXT NOT NULL,
    kind     TEXT NOT NULL,
    body     TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash     TEXT NOT NULL
) STRICT;

-- Where the journal begins: the last entry that was moved to an archive, and the state as it was after it, as parts of
-- compressed text. The snapshot's digest stands in the journal, in the fact JournalCompacted.
CREATE TABLE anchor (seq INTEGER PRIMARY KEY, hash TEXT NOT NULL) STRICT;
CREATE TABLE snapshot (part INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
-- Signs of life of the executor: no facts, and not part of the state.
CREATE TABLE pulse (one INTEGER PRIMARY KEY CHECK (one = 1), token INTEGER NOT NULL, beats INTEGER NOT NULL) STRICT;

CREATE TRIGGER journal_keeps_its_rows BEFORE DELETE ON journal
WHEN old.seq > coalesce((SELECT max(seq) FROM anchor), 0)
BEGIN SELECT RAISE(ABORT, 'the journal is append only'); END;
CREATE TRIGGER journal_keeps_its_facts BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append only'); END;

-- The state: folded from the journal in the same transaction, and again by `penstock doctor`.
CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT, token INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE versions (
    dataset TEXT, version TEXT, relation TEXT, materialization TEXT, meanings TEXT, own TEXT, query TEXT, described TEXT,
    reads TEXT, grain TEXT, held TEXT, cut_by TEXT, defined_at TEXT,
    PRIMARY KEY (dataset, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
    run TEXT PRIMARY KEY NOT NULL, "trigger" TEXT, "key" TEXT, pipeline TEXT, datasets TEXT, environment TEXT,
    until TEXT, priority INTEGER, asked_by TEXT, request TEXT, queue TEXT, purpose TEXT, plan TEXT, tasks INTEGER,
    state TEXT, cancel TEXT, reason TEXT, queued_at TEXT, started_at TEXT, finished_at TEXT
) STRICT;
CREATE INDEX runs_in_the_queue ON runs (state, queue, run);
CREATE TABLE schedules (
    pipeline TEXT PRIMARY KEY, schedule TEXT, since TEXT, position TEXT, paused INTEGER, paused_by TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE triggers (
    pipeline TEXT, "trigger" TEXT, "key" TEXT, at TEXT, PRIMARY KEY (pipeline, "trigger")
) STRICT, WITHOUT ROWID;
CREATE TABLE backfills (
    backfill TEXT PRIMARY KEY, plan TEXT, asked_by TEXT, reason TEXT, at TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE stale (
    dataset TEXT, version TEXT, "start" TEXT, "end" TEXT, backfill TEXT, reason TEXT, seq INTEGER,
    PRIMARY KEY (dataset, version, "start", "end")
) STRICT, WITHOUT ROWID;
-- Tables with many rows and several indexes have a rowid: their indexes then repeat a number, not a long key.
CREATE TABLE attempts (
    publish_id TEXT NOT NULL, attempt INTEGER NOT NULL, run TEXT, dataset TEXT, version TEXT, interval TEXT,
    inputs TEXT, state TEXT, rows INTEGER, checks INTEGER, failed_checks TEXT, results TEXT, profile TEXT, code TEXT,
    message TEXT, measured TEXT, since INTEGER, files TEXT, started_at TEXT, finished_at TEXT, quarantined INTEGER,
    caught TEXT, nulled TEXT, PRIMARY KEY (publish_id, attempt)
) STRICT;
CREATE INDEX attempts_by_state ON attempts (state);
CREATE INDEX attempts_by_run ON attempts (run);
CREATE INDEX attempts_by_dataset ON attempts (dataset, version);
CREATE TABLE arrivals (
    dataset TEXT, version TEXT, "start" TEXT, name TEXT, size INTEGER, modified INTEGER, digest TEXT, rows INTEGER, header TEXT,
    dialect TEXT, forms TEXT, publish_id TEXT, seq INTEGER, at TEXT, PRIMARY KEY (dataset, version, "start", name)
) STRICT, WITHOUT ROWID;
CREATE TABLE coverage (
    dataset TEXT, version TEXT, "start" TEXT, "end" TEXT, publish_id TEXT, rows INTEGER, inputs TEXT, seq INTEGER,
    since INTEGER, PRIMARY KEY (dataset, version, "start", "end")
) STRICT, WITHOUT ROWID;
CREATE TABLE profiles (
    dataset TEXT, version TEXT, slice TEXT, "start" TEXT, "end" TEXT, profile TEXT, seq INTEGER,
    PRIMARY KEY (dataset, version, slice)
) STRICT, WITHOUT ROWID;
CREATE TABLE environments (
    environment TEXT, dataset TEXT, version TEXT, promotion TEXT, PRIMARY KEY (environment, dataset)
) STRICT, WITHOUT ROWID;
CREATE TABLE promotions (
    promotion TEXT PRIMARY KEY, environment TEXT, mapping TEXT, previous TEXT, state TEXT, reason TEXT, at TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE removals (
    dataset TEXT, version TEXT, relation TEXT, removal TEXT, state TEXT, asked_by TEXT, at TEXT,
    PRIMARY KEY (dataset, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE horizons (
    dataset TEXT PRIMARY KEY NOT NULL, before TEXT, counted_by TEXT, expiry TEXT, why TEXT, asked_by TEXT, at TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE expiries (
    dataset TEXT, version TEXT, relation TEXT, cut_by TEXT, "start" TEXT, before TEXT, expiry TEXT, state TEXT, rows INTEGER,
    quarantined INTEGER, why TEXT, asked_by TEXT, at TEXT, PRIMARY KEY (dataset, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE exports (
    target TEXT PRIMARY KEY, export TEXT, dataset TEXT, version TEXT, environment TEXT, format TEXT, mode TEXT,
    pieces INTEGER, rows INTEGER, digest TEXT, personal TEXT, exported_by TEXT, at TEXT
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
    "change" TEXT, interval TEXT, state TEXT, detail TEXT, at TEXT, measured TEXT, PRIMARY KEY ("change", interval)
) STRICT, WITHOUT ROWID;
CREATE TABLE rollout (
    "change" TEXT, step TEXT, interval TEXT, state TEXT, detail TEXT, at TEXT, PRIMARY KEY ("change", step, interval)
) STRICT, WITHOUT ROWID;
CREATE TABLE compactions (
    upto INTEGER PRIMARY KEY, hash TEXT, archive TEXT, archive_sha256 TEXT, snapshot_sha256 TEXT, at TEXT
) STRICT, WITHOUT ROWID;
