"""An alert to the whole city also goes to residents who gave no place.

Whether an area is the whole city is decided when the alert is written, and never changes after its launch. Alerts from
before this migration went to places only, and stay so.

Revision ID: 0080
"""

from alembic import op

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE alerts ADD COLUMN whole_city boolean NOT NULL DEFAULT false;
        CREATE TRIGGER alerts_whole_city_frozen_after_launch BEFORE UPDATE ON alerts FOR EACH ROW
            WHEN (OLD.launched_at IS NOT NULL AND OLD.whole_city IS DISTINCT FROM NEW.whole_city)
            EXECUTE FUNCTION refuse_change_after_launch();
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
