"""The city's policies that exclude a channel, with owner, reason and review date.

Revision ID: 0053
"""

from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE channel_policies (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            channel text NOT NULL CHECK (channel <> ''),
            topic text CHECK (topic <> ''),
            owner text NOT NULL CHECK (owner <> ''),
            reason text NOT NULL CHECK (reason <> ''),
            review_on date NOT NULL,
            made_by bigint REFERENCES operators,
            made_at timestamptz NOT NULL,
            ended_by bigint REFERENCES operators,
            ended_at timestamptz
        );
        CREATE UNIQUE INDEX channel_policies_standing ON channel_policies (channel, coalesce(topic, ''))
            WHERE ended_at IS NULL;
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
