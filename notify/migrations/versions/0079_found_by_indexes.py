"""What jobs look for each second is found by indexes, however many alerts there were: those that were launched lately,
those that have not ended, and what a revoked key has signed.

Revision ID: 0079
"""

from alembic import op

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE INDEX alerts_launched ON alerts (launched_at) WHERE launched_at IS NOT NULL;
        CREATE INDEX alerts_open ON alerts (expires_at) WHERE state NOT IN ('sent', 'cancelled', 'expired');
        CREATE INDEX statements_of_key ON statements (key_id);
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
