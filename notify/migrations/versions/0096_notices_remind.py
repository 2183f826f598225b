"""Who got a notice may be reminded of the days that it changes. Who wants no reminders at all is remembered.

Revision ID: 0096
Revises: 0095
"""

from alembic import op

revision = "0096"
down_revision = "0095"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE reminder_wishes ADD COLUMN until_day date CHECK (isfinite(until_day))")
    op.execute("CREATE INDEX wishes_until ON reminder_wishes (until_day) WHERE until_day IS NOT NULL")
    op.execute("""
        ALTER TABLE collection_notices
            ADD COLUMN remind_days  date[] NOT NULL DEFAULT '{}',
            ADD COLUMN reminded_day date CHECK (isfinite(reminded_day))
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
