-- How the steps before a change's promotion went, and what its observation window is judged by.
-- Whoever runs this folds the journal into the state tables again, in the same transaction.
DROP TABLE observations;
CREATE TABLE observations (
    "change" TEXT, interval TEXT, state TEXT, detail TEXT, at TEXT, measured TEXT, PRIMARY KEY ("change", interval)
) STRICT, WITHOUT ROWID;
CREATE TABLE rollout (
    "change" TEXT, step TEXT, interval TEXT, state TEXT, detail TEXT, at TEXT, PRIMARY KEY ("change", step, interval)
) STRICT, WITHOUT ROWID;
