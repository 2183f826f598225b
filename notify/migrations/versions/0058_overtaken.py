"""A letter to the author of a scheduled alert that a later alert has overtaken.

Revision ID: 0058
"""

from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE operator_messages
            DROP CONSTRAINT operator_messages_kind_check,
            DROP CONSTRAINT operator_messages_alert_check,
            ADD CONSTRAINT operator_messages_kind_check CHECK (kind IN (
                'ask', 'break-glass', 'channel-silent', 'expiry', 'overtaken', 'test',
                'code', 'invitation', 'reset', 'app', 'passkey', 'password', 'recovery-code', 'new-device')),
            ADD CONSTRAINT operator_messages_alert_check CHECK (
                (alert_id IS NOT NULL)
                = (kind IN ('ask', 'break-glass', 'channel-silent', 'expiry', 'overtaken', 'test')));
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
