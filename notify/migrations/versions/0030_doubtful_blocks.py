"""A carrier may keep a pair apart without our knowing for sure: a later refusal is then no new STOP.

Revision ID: 0030
"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE carrier_blocks ADD COLUMN doubtful boolean NOT NULL DEFAULT false,
            ADD CHECK (lifted_at IS NOT NULL OR NOT doubtful);

        -- Who left and came back before pairs were kept may be blocked by any sender.
        INSERT INTO carrier_blocks (sender_id, address_index, at, lifted_at, doubtful)
        SELECT x.id, c.address_index, said.at, said.at, true
          FROM contacts c
          JOIN LATERAL (
               SELECT (array_agg(kind ORDER BY at DESC, id DESC))[1] AS last,
                      max(at) FILTER (WHERE kind = 'opt-out') AS at
                 FROM consents WHERE contact_id = c.id AND topic IS NULL) said ON said.at IS NOT NULL
          JOIN senders x ON x.channel = c.channel
         WHERE c.channel = 'sms' AND said.last = 'opt-in'
           AND NOT EXISTS (SELECT FROM carrier_blocks k WHERE k.address_index = c.address_index);
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
