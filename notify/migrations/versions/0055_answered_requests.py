"""A working draft is of the request to warn that it was opened from: its alert's launch answers the request.

Revision ID: 0055
"""

from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE working_drafts ADD COLUMN request_id bigint REFERENCES warn_requests;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
