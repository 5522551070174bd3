-- How the steps before a change's promotion went, and what its observation window is judged by.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
DROP TABLE observations;
CREATE TABLE observations ("change" word, "interval" word, state word, detail word, at word, measured word,
    PRIMARY KEY ("change", "interval")
);
CREATE TABLE rollout ("change" word, step word, "interval" word, state word, detail word, at word,
    PRIMARY KEY ("change", step, "interval")
);
