"""Who heard of one part of an area from another alert is not told of the rest (`alerts.writing.told_before`). Which
launches an author could see is kept: clocks of two hosts cannot tell (`alerts.outdated`).

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
    op.execute("ALTER TABLE alerts ADD COLUMN written_after timestamptz")
    op.execute("""
        UPDATE alerts a SET written_after = (
            SELECT max(l.launched_at) FROM alerts l
             WHERE l.incident_id = a.incident_id AND l.launched_at <= a.created_at)
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
