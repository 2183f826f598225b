"""Which residents changed, so that what a process remembers of them can follow.

Revision ID: 0012
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# For each table: how the residents of its changed rows are found.
TABLES = {
    "subscribers": "SELECT id FROM changed",
    "places": "SELECT subscriber_id FROM changed",
    "preferences": "SELECT subscriber_id FROM changed",
    "contacts": "SELECT subscriber_id FROM changed WHERE subscriber_id IS NOT NULL",
    "suppressions": """SELECT c.subscriber_id FROM changed JOIN contacts c USING (channel, address_index)
                        WHERE c.subscriber_id IS NOT NULL""",
}


def upgrade() -> None:
    op.execute("""
        CREATE TABLE resident_changes (
            xid           bigint NOT NULL DEFAULT CAST(CAST(pg_current_xact_id() AS text) AS bigint),
            subscriber_id bigint NOT NULL,
            at            timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (xid, subscriber_id)
        );
        CREATE INDEX resident_changes_at ON resident_changes (at);
    """)
    for table, residents in TABLES.items():
        op.execute(f"""
            CREATE FUNCTION {table}_changed() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO resident_changes (subscriber_id) SELECT DISTINCT x.* FROM ({residents}) AS x
                    ON CONFLICT DO NOTHING;
                RETURN NULL;
            END $$;
            CREATE TRIGGER {table}_inserted AFTER INSERT ON {table}
                REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION {table}_changed();
            CREATE TRIGGER {table}_updated AFTER UPDATE ON {table}
                REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION {table}_changed();
            CREATE TRIGGER {table}_deleted AFTER DELETE ON {table}
                REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION {table}_changed();
        """)  # noqa: S608  put together from the constants above


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
