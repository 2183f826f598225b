"""Find the alerts that are not over, and the opt-outs of the last days, without reading whole tables.

Revision ID: 0033
"""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE INDEX alerts_by_end ON alerts (expires_at);
        CREATE INDEX consents_opt_outs ON consents (at) WHERE kind = 'opt-out';
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
