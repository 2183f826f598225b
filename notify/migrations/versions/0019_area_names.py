"""What an alert's area is called, in each language: pages and updates in Spanish joined several zones with "and".

Revision ID: 0019
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE alerts ADD COLUMN area_names jsonb NOT NULL DEFAULT '{}'")
    # Law 10, as for the other words of an alert (0001).
    op.execute("""
        CREATE TRIGGER alerts_area_names_frozen BEFORE UPDATE OF area_names ON alerts FOR EACH ROW
            WHEN (OLD.launched_at IS NOT NULL AND OLD.area_names IS DISTINCT FROM NEW.area_names)
            EXECUTE FUNCTION refuse_change_after_launch()
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
