"""Notes on incidents, and requests to warn with a clock and a read-back.

Revision ID: 0037
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE incident_notes (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            incident_id bigint NOT NULL REFERENCES incidents,
            operator_id bigint NOT NULL REFERENCES operators,
            at          timestamptz NOT NULL,
            words       text NOT NULL CHECK (words <> '' AND length(words) <= 2000),
            form        uuid NOT NULL UNIQUE  -- sent twice, it is one note
        );
        CREATE INDEX incident_notes_of_incident ON incident_notes (incident_id);
        CREATE TABLE warn_requests (
            id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            asked_by     text NOT NULL CHECK (asked_by <> '' AND length(asked_by) <= 120),
            source       text NOT NULL CHECK (source IN ('field', '911', 'supervisor', 'utility', 'weather', 'other')),
            danger       text NOT NULL CHECK (danger <> '' AND length(danger) <= 1000),
            place        text NOT NULL CHECK (place <> '' AND length(place) <= 500),
            incident_id  bigint REFERENCES incidents,
            received_at  timestamptz NOT NULL,
            decide_by    timestamptz CHECK (decide_by > received_at),
            taken_by     bigint NOT NULL REFERENCES operators,
            read_back_at timestamptz,
            read_back_by bigint REFERENCES operators,
            closed_at    timestamptz,
            closed_by    bigint REFERENCES operators,
            alert_id     bigint REFERENCES alerts,  -- that answered it; closed without one, it was declined
            declined     text NOT NULL DEFAULT '' CHECK (length(declined) <= 500),
            form         uuid NOT NULL UNIQUE,
            CHECK ((read_back_at IS NULL) = (read_back_by IS NULL)),
            CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
            CHECK (closed_at IS NULL AND alert_id IS NULL AND declined = ''
                   OR closed_at IS NOT NULL AND (alert_id IS NULL) = (declined <> ''))
        );
        CREATE INDEX warn_requests_open ON warn_requests (received_at) WHERE closed_at IS NULL;
        CREATE INDEX warn_requests_of_incident ON warn_requests (incident_id) WHERE incident_id IS NOT NULL;
        CREATE INDEX warn_requests_of_alert ON warn_requests (alert_id) WHERE alert_id IS NOT NULL;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
