"""Several wordings of one alert: who lives in some of its parts reads other words than the general ones.

Revision ID: 0087
"""

from alembic import op

revision = "0087"
down_revision = "0086"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # 0 is the general wording, which every alert has. Tables keep their rows as they are: a default costs no rewrite.
    op.execute("ALTER TABLE contents ADD COLUMN wording smallint NOT NULL DEFAULT 0 CHECK (wording >= 0)")
    op.execute("ALTER TABLE batches ADD COLUMN wording smallint NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE batches DROP CONSTRAINT batches_alert_id_channel_language_fkey")
    op.execute("""
        ALTER TABLE contents DROP CONSTRAINT contents_pkey,
            ADD CONSTRAINT contents_pkey PRIMARY KEY (alert_id, channel, language, wording)
    """)
    op.execute("""
        ALTER TABLE batches ADD CONSTRAINT batches_words_fkey
            FOREIGN KEY (alert_id, channel, language, wording)
            REFERENCES contents (alert_id, channel, language, wording)
    """)
    op.execute("""
        CREATE TABLE wording_parts (
            alert_id bigint NOT NULL REFERENCES alerts,
            part     smallint NOT NULL CHECK (part BETWEEN 1 AND 60),  -- a bit of a set each, in 64 bits
            area     bytea NOT NULL,
            label    text NOT NULL,
            PRIMARY KEY (alert_id, part)
        )
    """)
    op.execute("""
        CREATE TABLE wordings (
            alert_id bigint NOT NULL REFERENCES alerts,
            wording  smallint NOT NULL CHECK (wording >= 1),
            parts    smallint[] NOT NULL CHECK (cardinality(parts) > 0),  -- ascending
            blanks   jsonb NOT NULL,
            area     jsonb NOT NULL DEFAULT '{}',  -- its name for the area by language; {}: that of the alert
            PRIMARY KEY (alert_id, wording),
            UNIQUE (alert_id, parts)
        )
    """)
    for table in ("wording_parts", "wordings"):
        op.execute(f"""CREATE TRIGGER {table}_frozen_after_launch BEFORE INSERT OR UPDATE OR DELETE ON {table}
                           FOR EACH ROW EXECUTE FUNCTION refuse_words_after_launch()""")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
