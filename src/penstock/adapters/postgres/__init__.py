"""The warehouse of a team: a Postgres database, through psycopg (the extra `postgres`)."""
