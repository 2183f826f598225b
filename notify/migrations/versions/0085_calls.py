"""Calls to 311: why people call, and what is more than usual. Nothing of a caller has a column.

Revision ID: 0085
"""

from alembic import op

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In place of the built-in reason or group of that key (templates/calls/reasons.toml).
    op.execute("""
        CREATE TABLE call_reasons (
            key        text NOT NULL CHECK (key ~ '^[a-z][a-z0-9-]{0,39}$'),
            is_group   boolean NOT NULL,
            keys       text NOT NULL CHECK (keys ~ '^[a-z][a-z0-9]?$'),
            words      jsonb NOT NULL,
            event      text NOT NULL DEFAULT '',
            kind       text NOT NULL DEFAULT '',
            retired_at timestamptz,
            changed_at timestamptz NOT NULL,
            changed_by bigint REFERENCES operators,
            PRIMARY KEY (key, is_group),
            CHECK (length(keys) = CASE WHEN is_group THEN 1 ELSE 2 END)
        )
    """)
    op.execute("""
        CREATE TABLE calls (
            id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            form      uuid NOT NULL UNIQUE,
            reason    text NOT NULL,
            zone_id   bigint REFERENCES zones,
            at        timestamptz NOT NULL CHECK (isfinite(at)),
            logged_by bigint REFERENCES operators,     -- forgotten after its time, as is the note
            note      text NOT NULL DEFAULT ''
        )
    """)
    op.execute("CREATE INDEX calls_at ON calls (at)")
    op.execute("""
        CREATE TABLE call_spikes (
            id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            reason     text NOT NULL,
            zone_id    bigint REFERENCES zones,        -- NULL: the whole city
            hour       timestamptz NOT NULL,
            calls      integer NOT NULL CHECK (calls > 0),
            usual      double precision NOT NULL CHECK (usual >= 0),
            chance     double precision NOT NULL CHECK (chance >= 0),
            found_at   timestamptz NOT NULL,
            seen_at    timestamptz NOT NULL,           -- when it was still so
            outcome    text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'drafted', 'dismissed', 'over')),
            settled_at timestamptz,
            settled_by bigint REFERENCES operators,
            draft_id   bigint,                         -- of a working draft, which is deleted after its time
            CHECK ((outcome = '') = (settled_at IS NULL))
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX spikes_waiting ON call_spikes (reason, zone_id) NULLS NOT DISTINCT WHERE outcome = ''
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
