"""Only what can be read again is kept: times between 2000 and 2200, rates that a plan can be made with.

A time that is past the year 9999 in UTC, which PostgreSQL takes and Python does not, made the list of all alerts
unreadable; a rate of 5e-324 every plan.

Revision ID: 0016
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

FIRST, LAST = "timestamptz '2000-01-01 00:00+00'", "timestamptz '2199-12-31 00:00+00'"


def upgrade() -> None:
    # Whatever state they are in: nobody has been able to look at them.
    op.execute("ALTER TABLE alerts DISABLE TRIGGER USER")
    for column in ("launch_at", "expires_at"):
        op.execute(
            f"UPDATE alerts SET {column} = least(greatest({column}, {FIRST}), {LAST})"  # noqa: S608  constants
            f" WHERE {column} NOT BETWEEN {FIRST} AND {LAST}"
        )
        op.execute(f"ALTER TABLE alerts ADD CONSTRAINT {column}_readable CHECK ({column} BETWEEN {FIRST} AND {LAST})")
    op.execute("ALTER TABLE alerts ENABLE TRIGGER USER")
    op.execute("UPDATE senders SET rate_per_s = 0.01 WHERE rate_per_s < 0.01")
    op.execute("ALTER TABLE senders ADD CONSTRAINT rate_plannable CHECK (rate_per_s BETWEEN 0.01 AND 100000)")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
