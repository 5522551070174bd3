-- The ledger of a team, in a schema of its own; what a comment in schema.sql says of a table holds here too.
-- Text is compared by its bytes, as everywhere else in Penstock, whatever the database's own collation is.
CREATE DOMAIN word AS text COLLATE "C";

CREATE TABLE penstock_schema (one integer PRIMARY KEY CHECK (one = 1), version integer NOT NULL);
CREATE TABLE journal (
    seq bigint PRIMARY KEY, at text NOT NULL, kind text NOT NULL, body text NOT NULL, previous text NOT NULL,
    hash text NOT NULL
);
CREATE TABLE anchor (seq bigint PRIMARY KEY, hash text NOT NULL);
CREATE TABLE snapshot (part bigint PRIMARY KEY, data bytea NOT NULL);
CREATE TABLE pulse (one integer PRIMARY KEY CHECK (one = 1), token bigint NOT NULL, beats bigint NOT NULL);

CREATE FUNCTION keep_journal() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF tg_op = 'DELETE' AND tg_level = 'ROW' THEN
        IF old.seq <= (SELECT coalesce(max(seq), 0) FROM anchor) THEN
            RETURN old;
        END IF;
    END IF;
    RAISE EXCEPTION 'the journal is append only';
END $$;
CREATE TRIGGER journal_keeps_its_rows BEFORE DELETE OR UPDATE ON journal FOR EACH ROW EXECUTE FUNCTION keep_journal();
CREATE TRIGGER journal_is_not_emptied BEFORE TRUNCATE ON journal FOR EACH STATEMENT EXECUTE FUNCTION keep_journal();

CREATE TABLE leases (name word PRIMARY KEY, holder word, token bigint);
CREATE TABLE versions (
    dataset word, version word, relation word, materialization word, meanings word, own word, query word, described word,
    reads word, grain word, held word, cut_by word, defined_at word,
    PRIMARY KEY (dataset, version)
);
CREATE TABLE runs (
    run word PRIMARY KEY, "trigger" word, "key" word, pipeline word, datasets word, environment word, until word,
    priority bigint, asked_by word, request word, queue word, purpose word, plan word, tasks bigint, state word,
    cancel word, reason word, queued_at word, started_at word, finished_at word
);
CREATE INDEX runs_in_the_queue ON runs (state, queue NULLS FIRST, run NULLS FIRST);
CREATE TABLE schedules (
    pipeline word PRIMARY KEY, schedule word, since word, position word, paused bigint, paused_by word
);
CREATE TABLE triggers (pipeline word, "trigger" word, "key" word, at word, PRIMARY KEY (pipeline, "trigger"));
CREATE TABLE backfills (backfill word PRIMARY KEY, plan word, asked_by word, reason word, at word);
CREATE TABLE stale (
    dataset word, version word, "start" word, "end" word, backfill word, reason word, seq bigint,
    PRIMARY KEY (dataset, version, "start", "end")
);
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
CREATE TABLE coverage (
    dataset word, version word, "start" word, "end" word, publish_id word, rows bigint, inputs word, seq bigint,
    since bigint, PRIMARY KEY (dataset, version, "start", "end")
);
CREATE TABLE profiles (
    dataset word, version word, slice word, "start" word, "end" word, profile word, seq bigint,
    PRIMARY KEY (dataset, version, slice)
);
CREATE TABLE environments (
    environment word, dataset word, version word, promotion word, PRIMARY KEY (environment, dataset)
);
CREATE TABLE promotions (
    promotion word PRIMARY KEY, environment word, mapping word, previous word, state word, reason word, at word
);
CREATE TABLE removals (
    dataset word, version word, relation word, removal word, state word, asked_by word, at word,
    PRIMARY KEY (dataset, version)
);
CREATE TABLE horizons (
    dataset word PRIMARY KEY, before word, counted_by word, expiry word, why word, asked_by word, at word
);
CREATE TABLE expiries (
    dataset word, version word, relation word, cut_by word, "start" word, before word, expiry word, state word, rows bigint,
    quarantined bigint, why word, asked_by word, at word, PRIMARY KEY (dataset, version)
);
CREATE TABLE exports (
    target word PRIMARY KEY, export word, dataset word, version word, environment word, format word, mode word,
    pieces bigint, rows bigint, digest word, personal word, exported_by word, at word
);
CREATE TABLE changes (
    "change" word PRIMARY KEY, title word, story word, story_sha256 word, author word, base_commit word,
    base_branch word, branch word, until word, stage word, state word, reason word, merge_commit word, promotion word,
    previous word, observe_from word, opened_at word, updated_at word
);
CREATE TABLE questions (
    "change" word, question word, text word, path word, answer word, answered_by word,
    PRIMARY KEY ("change", question)
);
CREATE TABLE stages (
    "change" word, stage word, entered_commit word, "commit" word, envelope_sha256 word, outcomes word, state word,
    passed_at word, PRIMARY KEY ("change", stage)
);
CREATE TABLE approvals (
    "change" word, key_id word, envelope_sha256 word, name word, approval_sha256 word, at word,
    PRIMARY KEY ("change", key_id, envelope_sha256)
);
CREATE TABLE observations ("change" word, "interval" word, state word, detail word, at word, measured word,
    PRIMARY KEY ("change", "interval")
);
CREATE TABLE rollout ("change" word, step word, "interval" word, state word, detail word, at word,
    PRIMARY KEY ("change", step, "interval")
);
CREATE TABLE compactions (
    upto bigint PRIMARY KEY, hash word, archive word, archive_sha256 word, snapshot_sha256 word, at word
);
