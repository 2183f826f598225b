"""Since when a contact is its resident's, if somebody else had it before.

Revision ID: 0076
"""

from alembic import op

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A contact that is older than its resident passed on to them when they joined; one that came to an older resident
    # stands in the audit.
    op.execute("""
        ALTER TABLE contacts ADD COLUMN passed_on_at timestamptz;
        UPDATE contacts c SET passed_on_at = greatest(r.created_at, passed.at)
          FROM subscribers r
          LEFT JOIN (SELECT (detail->>'new')::bigint AS subscriber_id, detail->>'channel' AS channel, max(at) AS at
                       FROM audit WHERE action = 'pass-on' GROUP BY 1, 2) passed ON passed.subscriber_id = r.id
         WHERE r.id = c.subscriber_id AND r.erased_at IS NULL
           AND (c.created_at < r.created_at OR (c.channel = passed.channel AND c.created_at < passed.at));
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
