-- Versions that were taken out of the warehouse.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
CREATE TABLE removals (
    dataset word, version word, relation word, removal word, state word, asked_by word, at word,
    PRIMARY KEY (dataset, version)
);
