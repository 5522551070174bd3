-- What was put aside and made NULL before an audit.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
DROP TABLE attempts;
CREATE TABLE attempts (
    publish_id TEXT NOT NULL, attempt INTEGER NOT NULL, run TEXT, dataset TEXT, version TEXT, interval TEXT,
    inputs TEXT, state TEXT, rows INTEGER, checks INTEGER, failed_checks TEXT, code TEXT, message TEXT, measured TEXT,
    since INTEGER, started_at TEXT, finished_at TEXT, quarantined INTEGER, caught TEXT, nulled TEXT,
    PRIMARY KEY (publish_id, attempt)
) STRICT;
CREATE INDEX attempts_by_state ON attempts (state);
CREATE INDEX attempts_by_run ON attempts (run);
CREATE INDEX attempts_by_dataset ON attempts (dataset, version);
