-- Which files the rows of sources came from, what was put aside and made NULL before an audit, what each check found and
-- what later intervals are held against, what each version reads and which checks all of its rows were held to.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
DROP TABLE versions;
CREATE TABLE versions (
    dataset TEXT, version TEXT, relation TEXT, materialization TEXT, meanings TEXT, own TEXT, query TEXT, described TEXT,
    reads TEXT, grain TEXT, held TEXT, defined_at TEXT,
    PRIMARY KEY (dataset, version)
) STRICT, WITHOUT ROWID;
DROP TABLE attempts;
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
CREATE TABLE profiles (
    dataset TEXT, version TEXT, slice TEXT, "start" TEXT, "end" TEXT, profile TEXT, seq INTEGER,
    PRIMARY KEY (dataset, version, slice)
) STRICT, WITHOUT ROWID;
