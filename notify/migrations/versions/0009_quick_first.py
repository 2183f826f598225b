"""What is asked before the first phone rings is asked of an index.

Revision ID: 0009
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- The widest place; most have no radius.
        CREATE INDEX places_with_radius ON places (radius_m) WHERE radius_m > 0;
        CREATE INDEX contacts_of_timeline ON contacts (timeline_of) WHERE timeline_of IS NOT NULL;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
