"""Codes that verify an operator's own contacts, and tests of an alert's words that one sends to oneself.

Revision ID: 0046
"""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE operator_contacts
            ADD COLUMN code_hash bytea CHECK (length(code_hash) = 32),
            ADD COLUMN code_ends_at timestamptz,
            ADD COLUMN code_tries integer NOT NULL DEFAULT 0;
        ALTER TABLE operator_messages
            ALTER COLUMN alert_id DROP NOT NULL,
            DROP CONSTRAINT operator_messages_kind_check,
            ADD CONSTRAINT operator_messages_kind_check CHECK (kind IN ('ask', 'break-glass', 'code', 'test')),
            ADD CONSTRAINT operator_messages_alert_check CHECK ((alert_id IS NULL) = (kind = 'code'));
        CREATE INDEX operator_messages_codes ON operator_messages (operator_id, made_at) WHERE kind = 'code';
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
