"""What the desk has filed with the city's request system.

Revision ID: 0084
"""

from alembic import op

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE city_requests (
            id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            form           uuid NOT NULL UNIQUE,   -- a form is filed once
            service_code   text NOT NULL,
            service        text NOT NULL,
            address_sealed bytea NOT NULL,
            state          text NOT NULL CHECK (state IN ('filing', 'filed', 'perhaps', 'refused', 'given up')),
            number         text NOT NULL DEFAULT '',
            token          text NOT NULL DEFAULT '',
            said           text NOT NULL DEFAULT '',
            made_at        timestamptz NOT NULL,
            made_by        bigint NOT NULL REFERENCES operators,
            settled_at     timestamptz,
            CHECK ((state IN ('filing', 'perhaps')) = (settled_at IS NULL))
        )
    """)
    op.execute("CREATE INDEX city_requests_made ON city_requests (made_at)")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
