-- Before which moment a dataset has no rows any more, what that deleted of each version, and by which column.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
DROP TABLE versions;
CREATE TABLE versions (
    dataset word, version word, relation word, materialization word, meanings word, own word, query word, described word,
    reads word, grain word, held word, cut_by word, defined_at word,
    PRIMARY KEY (dataset, version)
);
CREATE TABLE horizons (
    dataset word PRIMARY KEY, before word, counted_by word, expiry word, why word, asked_by word, at word
);
CREATE TABLE expiries (
    dataset word, version word, relation word, cut_by word, "start" word, before word, expiry word, state word, rows bigint,
    quarantined bigint, why word, asked_by word, at word, PRIMARY KEY (dataset, version)
);
