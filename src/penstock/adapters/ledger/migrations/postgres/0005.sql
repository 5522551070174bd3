-- What each version is made by, and what is said of it.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
DROP TABLE versions;
CREATE TABLE versions (
    dataset word, version word, relation word, materialization word, meanings word, own word, query word, described word,
    defined_at word,
    PRIMARY KEY (dataset, version)
);
