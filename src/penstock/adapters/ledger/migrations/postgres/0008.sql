-- What targets outside the warehouse hold of which datasets.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
CREATE TABLE exports (
    target word PRIMARY KEY, export word, dataset word, version word, environment word, format word, mode word,
    pieces bigint, rows bigint, digest word, personal word, exported_by word, at word
);
