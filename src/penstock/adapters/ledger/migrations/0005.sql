-- What each version is made by, and what is said of it.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
DROP TABLE versions;
CREATE TABLE versions (
    dataset TEXT, version TEXT, relation TEXT, materialization TEXT, meanings TEXT, own TEXT, query TEXT, described TEXT,
    defined_at TEXT,
    PRIMARY KEY (dataset, version)
) STRICT, WITHOUT ROWID;
