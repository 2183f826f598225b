"""What a later alert of its incident replaces or ends of each launched alert, and where it still holds.

Revision ID: 0061
"""

from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of the alerts before this, only what one later alert alone replaces is known: areas are not compared here. The
    # next launch in an incident completes it (`alerts.standing`). There are no foreign keys: to check one, PostgreSQL
    # locks the alert, and a launch would wait for whoever is stopping another alert of the incident.
    op.execute("""
        CREATE TABLE standings (
            alert_id bigint PRIMARY KEY,
            superseded_by bigint,
            ended_by bigint,
            left_area bytea,
            left_in text[],
            CHECK ((left_area IS NULL) = (superseded_by IS NOT NULL OR ended_by IS NOT NULL)),
            CHECK ((left_area IS NULL) = (left_in IS NULL))
        );
        INSERT INTO standings (alert_id, superseded_by, ended_by)
        SELECT a.id, CASE WHEN a.phase = 'all-clear' OR l.phase <> 'all-clear' THEN l.id END,
               CASE WHEN a.phase <> 'all-clear' AND l.phase = 'all-clear' THEN l.id END
          FROM alerts a JOIN LATERAL (
               SELECT l.id, l.phase FROM alerts l
                WHERE l.incident_id = a.incident_id AND l.status = a.status AND l.state <> 'cancelled'
                  AND l.follows IS NULL AND (l.launched_at, l.id) > (a.launched_at, a.id)
                  AND (a.phase = 'all-clear' OR a.id = ANY (l.told_before))
                ORDER BY l.launched_at DESC, l.id DESC LIMIT 1) l ON true;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
