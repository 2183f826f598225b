"""Outages and their steps, and alerts that leave out who had others of their incident.

Revision ID: 0092
"""

from alembic import op

revision = "0092"
down_revision = "0091"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE outages (
            id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind         text NOT NULL CHECK (kind IN ('unplanned', 'planned')),
            utility      text NOT NULL CHECK (utility <> ''),
            state        text NOT NULL CHECK (state IN ('out', 'noticed', 'reminded', 'postponed', 'restored')),
            zones        text[] NOT NULL,
            drawn        boolean NOT NULL DEFAULT false,
            names        jsonb NOT NULL DEFAULT '{}',
            area         bytea NOT NULL,
            report_phone text NOT NULL DEFAULT '',
            begins_at    timestamptz,
            back_at      timestamptz,
            restored_at  timestamptz CHECK ((restored_at IS NOT NULL) = (state = 'restored')),
            incident_id  bigint NOT NULL UNIQUE REFERENCES incidents,
            made_at      timestamptz NOT NULL,
            made_by      bigint NOT NULL REFERENCES operators
        )
    """)
    op.execute("CREATE INDEX outages_open ON outages (made_at) WHERE state <> 'restored'")
    op.execute("CREATE INDEX outages_restored ON outages (restored_at) WHERE restored_at IS NOT NULL")
    op.execute("""
        CREATE TABLE outage_steps (
            id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            outage_id bigint NOT NULL REFERENCES outages,
            at        timestamptz NOT NULL,
            by        bigint REFERENCES operators,
            act       text NOT NULL,
            state     text NOT NULL,
            begins_at timestamptz,
            back_at   timestamptz,
            added     bytea,
            alert_id  bigint UNIQUE REFERENCES alerts
        )
    """)
    op.execute("CREATE INDEX steps_of_outage ON outage_steps (outage_id, id)")
    # Alerts whose recipients do not get this one: the area of an outage grew, and they have heard of it.
    op.execute("ALTER TABLE alerts ADD COLUMN spares bigint[] NOT NULL DEFAULT '{}'")
    # Law 10, as for `told_before` (0049).
    op.execute("""
        CREATE TRIGGER alerts_spares_frozen BEFORE UPDATE OF spares ON alerts FOR EACH ROW
            WHEN (OLD.launched_at IS NOT NULL AND OLD.spares IS DISTINCT FROM NEW.spares)
            EXECUTE FUNCTION refuse_change_after_launch()
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
