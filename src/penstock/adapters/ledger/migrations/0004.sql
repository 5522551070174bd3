-- Versions that were taken out of the warehouse.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
CREATE TABLE removals (
    dataset TEXT, version TEXT, relation TEXT, removal TEXT, state TEXT, asked_by TEXT, at TEXT,
    PRIMARY KEY (dataset, version)
) STRICT, WITHOUT ROWID;
