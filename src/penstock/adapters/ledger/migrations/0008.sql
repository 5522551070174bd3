-- What targets outside the warehouse hold of which datasets.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
CREATE TABLE exports (
    target TEXT PRIMARY KEY, export TEXT, dataset TEXT, version TEXT, environment TEXT, format TEXT, mode TEXT,
    pieces INTEGER, rows INTEGER, digest TEXT, personal TEXT, exported_by TEXT, at TEXT
) STRICT, WITHOUT ROWID;
