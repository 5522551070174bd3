-- What each version's rows and columns mean, one by one.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
DROP TABLE versions;
CREATE TABLE versions (
    dataset word, version word, relation word, materialization word, meanings word, defined_at word,
    PRIMARY KEY (dataset, version)
);
