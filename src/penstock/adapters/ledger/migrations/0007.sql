-- Before which moment a dataset has no rows any more, what that deleted of each version, and by which column.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
DROP TABLE versions;
CREATE TABLE versions (
    dataset TEXT, version TEXT, relation TEXT, materialization TEXT, meanings TEXT, own TEXT, query TEXT, described TEXT,
    reads TEXT, grain TEXT, held TEXT, cut_by TEXT, defined_at TEXT,
    PRIMARY KEY (dataset, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE horizons (
    dataset TEXT PRIMARY KEY NOT NULL, before TEXT, counted_by TEXT, expiry TEXT, why TEXT, asked_by TEXT, at TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE expiries (
    dataset TEXT, version TEXT, relation TEXT, cut_by TEXT, "start" TEXT, before TEXT, expiry TEXT, state TEXT, rows INTEGER,
    quarantined INTEGER, why TEXT, asked_by TEXT, at TEXT, PRIMARY KEY (dataset, version)
) STRICT, WITHOUT ROWID;
