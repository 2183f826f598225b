"""An update or all-clear also goes to those who were sent an earlier alert of its incident, wherever they live now.

Revision ID: 0049
"""

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE alerts ADD COLUMN told_before bigint[] NOT NULL DEFAULT '{}'")
    # Law 10, as for the area of an alert (0001).
    op.execute("""
        CREATE TRIGGER alerts_told_before_frozen BEFORE UPDATE OF told_before ON alerts FOR EACH ROW
            WHEN (OLD.launched_at IS NOT NULL AND OLD.told_before IS DISTINCT FROM NEW.told_before)
            EXECUTE FUNCTION refuse_change_after_launch()
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
