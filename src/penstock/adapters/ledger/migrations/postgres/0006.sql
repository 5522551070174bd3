-- What each check found, what later intervals are held against, and which checks all rows of a version were held to.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
DROP TABLE versions;
CREATE TABLE versions (
    dataset word, version word, relation word, materialization word, meanings word, own word, query word, described word,
    held word, defined_at word,
    PRIMARY KEY (dataset, version)
);
DROP TABLE attempts;
CREATE TABLE attempts (
    publish_id word, attempt bigint, run word, dataset word, version word, "interval" word, inputs word, state word,
    rows bigint, checks bigint, failed_checks word, results word, profile word, code word, message word,
    measured word, since bigint, started_at word, finished_at word, PRIMARY KEY (publish_id, attempt)
);
CREATE INDEX attempts_by_state ON attempts (state);
CREATE INDEX attempts_by_run ON attempts (run);
CREATE INDEX attempts_by_dataset ON attempts (dataset, version);
CREATE TABLE profiles (
    dataset word, version word, slice word, "start" word, "end" word, profile word, seq bigint,
    PRIMARY KEY (dataset, version, slice)
);
