"""Who heard of one part of an area from another alert is not told of the rest (`alerts.writing.told_before`).

Revision ID: 0063
"""

from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE alerts ADD COLUMN told_apart jsonb NOT NULL DEFAULT '{}'")
    # Law 10, as for `told_before` (0049).
    op.execute("""
        CREATE TRIGGER alerts_told_apart_frozen BEFORE UPDATE OF told_apart ON alerts FOR EACH ROW
            WHEN (OLD.launched_at IS NOT NULL AND OLD.told_apart IS DISTINCT FROM NEW.told_apart)
            EXECUTE FUNCTION refuse_change_after_launch()
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
