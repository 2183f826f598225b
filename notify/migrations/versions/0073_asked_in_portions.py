"""Contacts of an import that came without a consent are asked in portions; what staff entered is known by its day.

Staff's entries are contacts that are not verified, not joinings: the columns for those go.

Revision ID: 0073
"""

from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE import_asks (
            contact_id bigint PRIMARY KEY REFERENCES contacts,
            made_at timestamptz NOT NULL,
            message_id bigint REFERENCES direct_messages ON DELETE SET NULL
        );
        CREATE INDEX import_asks_message ON import_asks (message_id) WHERE message_id IS NOT NULL;

        ALTER TABLE contacts ADD COLUMN entered_at timestamptz;
        CREATE INDEX contacts_entered ON contacts (entered_at) WHERE entered_at IS NOT NULL;

        ALTER TABLE joinings DROP COLUMN entered_how, DROP COLUMN entered_by;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
