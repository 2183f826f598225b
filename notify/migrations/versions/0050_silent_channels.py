"""Letters to operators about a channel on which no message of an alert is accepted.

Revision ID: 0050
"""

from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE operator_messages
            DROP CONSTRAINT operator_messages_kind_check,
            ADD CONSTRAINT operator_messages_kind_check
                CHECK (kind IN ('ask', 'break-glass', 'channel-silent', 'code', 'test'));
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
