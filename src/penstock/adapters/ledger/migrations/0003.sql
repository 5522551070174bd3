-- What each version's rows and columns mean, one by one.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
DROP TABLE versions;
CREATE TABLE versions (
    dataset TEXT, version TEXT, relation TEXT, materialization TEXT, meanings TEXT, defined_at TEXT,
    PRIMARY KEY (dataset, version)
) STRICT, WITHOUT ROWID;
