-- What was put aside and made NULL before an audit.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
DROP TABLE attempts;
CREATE TABLE attempts (
    publish_id word, attempt bigint, run word, dataset word, version word, "interval" word, inputs word, state word,
    rows bigint, checks bigint, failed_checks word, code word, message word, measured word, since bigint,
    started_at word, finished_at word, quarantined bigint, caught word, nulled word, PRIMARY KEY (publish_id, attempt)
);
CREATE INDEX attempts_by_state ON attempts (state);
CREATE INDEX attempts_by_run ON attempts (run);
CREATE INDEX attempts_by_dataset ON attempts (dataset, version);
