"""A rotation of the secret key writes every resident's rows, and changes no resident.

Revision ID: 0018
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# As in 0012, where they are explained.
TABLES = {
    "places": "SELECT subscriber_id FROM changed",
    "contacts": "SELECT subscriber_id FROM changed WHERE subscriber_id IS NOT NULL",
    "suppressions": """SELECT c.subscriber_id FROM changed JOIN contacts c USING (channel, address_index)
                        WHERE c.subscriber_id IS NOT NULL""",
}


def upgrade() -> None:
    for table, residents in TABLES.items():
        op.execute(f"""
            CREATE OR REPLACE FUNCTION {table}_changed() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF current_setting('tocsin.rekeying', true) = 'on' THEN
                    RETURN NULL;
                END IF;
                INSERT INTO resident_changes (subscriber_id) SELECT DISTINCT x.* FROM ({residents}) AS x
                    ON CONFLICT DO NOTHING;
                RETURN NULL;
            END $$
        """)  # noqa: S608  put together from the constants above


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
