"""Letters to operators about an alert that ends, and about their own account; what each one costs of a sender's cap.

Revision ID: 0052
"""

from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE operator_messages
            ADD COLUMN cost integer NOT NULL DEFAULT 0 CHECK (cost >= 0),
            DROP CONSTRAINT operator_messages_kind_check,
            DROP CONSTRAINT operator_messages_alert_check,
            ADD CONSTRAINT operator_messages_kind_check CHECK (kind IN (
                'ask', 'break-glass', 'channel-silent', 'expiry', 'test',
                'code', 'invitation', 'reset', 'app', 'passkey', 'password', 'recovery-code', 'new-device')),
            ADD CONSTRAINT operator_messages_alert_check CHECK (
                (alert_id IS NOT NULL) = (kind IN ('ask', 'break-glass', 'channel-silent', 'expiry', 'test')));
        DROP INDEX operator_messages_open;
        CREATE INDEX operator_messages_open ON operator_messages (id) WHERE state IN ('waiting', 'claimed', 'unknown');
        CREATE INDEX operator_messages_of_sender ON operator_messages (sender_id, claimed_at)
            WHERE sender_id IS NOT NULL;
        CREATE INDEX operator_messages_invitations ON operator_messages (operator_id, id)
            WHERE kind IN ('invitation', 'reset');
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
