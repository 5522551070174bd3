-- Which files the rows of sources came from, what was put aside and made NULL before an audit, what each check found and
-- what later intervals are held against, what each version reads and which checks all of its rows were held to.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
DROP TABLE versions;
CREATE TABLE versions (
    dataset word, version word, relation word, materialization word, meanings word, own word, query word, described word,
    reads word, grain word, held word, defined_at word,
    PRIMARY KEY (dataset, version)
);
DROP TABLE attempts;
CREATE TABLE attempts (
    publish_id word, attempt bigint, run word, dataset word, version word, "interval" word, inputs word, state word,
    rows bigint, checks bigint, failed_checks word, results word, profile word, code word, message word,
    measured word, since bigint, files word, started_at word, finished_at word, quarantined bigint, caught word,
    nulled word, PRIMARY KEY (publish_id, attempt)
);
CREATE INDEX attempts_by_state ON attempts (state);
CREATE INDEX attempts_by_run ON attempts (run);
CREATE INDEX attempts_by_dataset ON attempts (dataset, version);
CREATE TABLE arrivals (
    dataset word, version word, "start" word, name word, size bigint, modified bigint, digest word, rows bigint, header word,
    dialect word, forms word, publish_id word, seq bigint, at word, PRIMARY KEY (dataset, version, "start", name)
);
CREATE TABLE profiles (
    dataset word, version word, slice word, "start" word, "end" word, profile word, seq bigint,
    PRIMARY KEY (dataset, version, slice)
);
