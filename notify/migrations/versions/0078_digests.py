"""A digest: routine messages of a resident that wait for one hour of the day or week, and go out in one message.

Revision ID: 0078
"""

from alembic import op

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE choices ADD COLUMN digest text CHECK (digest IN ('daily', 'weekly'))")
    # Whether its deliveries wait, or waited, for the digest of their residents.
    op.execute("ALTER TABLE batches ADD COLUMN digest boolean NOT NULL DEFAULT false")
    # A delivery whose words went out in the message of another one, its carrier.
    op.execute("""
        CREATE TABLE merged (
            delivery_id bigint PRIMARY KEY,
            carrier_id  bigint NOT NULL,
            merged_at   timestamptz NOT NULL,
            look_at     timestamptz           -- when to look at the carrier next; NULL: its fate is final
        )
    """)
    op.execute("CREATE INDEX merged_carrier ON merged (carrier_id)")
    op.execute("CREATE INDEX merged_to_look_at ON merged (look_at) WHERE look_at IS NOT NULL")
    # `core/quiet_time.py` does the same; a test compares them.
    op.execute("""
        CREATE FUNCTION digest_at(now timestamptz, digest text, zone text) RETURNS timestamptz
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT (day + CASE digest WHEN 'weekly' THEN (8 - extract(isodow FROM day)::int) % 7 ELSE 0 END
                        + time '17:00') AT TIME ZONE zone
              FROM (SELECT (now AT TIME ZONE zone)::date + ((now AT TIME ZONE zone)::time >= time '17:00')::int AS day)
                   AS next
        $$
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
