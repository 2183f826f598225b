"""What a notice that is out still has to say is held against each new edition of the calendars, once.

Revision ID: 0097
Revises: 0096
"""

from alembic import op

revision = "0097"
down_revision = "0096"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE collection_notices ADD COLUMN checked_edition integer REFERENCES collection_editions")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
