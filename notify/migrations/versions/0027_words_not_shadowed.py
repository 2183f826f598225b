"""A role that may make temporary tables cannot have the rule of launched words look at one of them.

Revision ID: 0027
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Unless it is named, pg_temp is searched before all others.
    op.execute("""
        DO $$ BEGIN
            EXECUTE format('ALTER FUNCTION refuse_words_after_launch() SET search_path = %I, pg_temp',
                           current_schema());
        END $$
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
