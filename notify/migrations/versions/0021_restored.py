"""From when on an alert of a restored backup may have been sent already: the provider is asked about each message.

Revision ID: 0021
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE alerts ADD ask_since timestamptz")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
