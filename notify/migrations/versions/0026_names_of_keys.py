"""The name of a revoked key is free again; consents before 2000 verify nobody.

Revision ID: 0026
"""

import logging

from alembic import op
from sqlalchemy import text

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# An import took the year 26, written for 2026, for a consent of that year. The consent stays as what was said; a later
# one that is good verifies the contact.
_VERIFIED_BY_NOTHING = text("""
    UPDATE contacts c
       SET verified_at = (SELECT min(x.at) FROM consents x
                           WHERE x.contact_id = c.id AND x.kind = 'opt-in' AND x.topic IS NULL AND x.at >= '2000-01-01')
     WHERE verified_at < '2000-01-01'
""")


def upgrade() -> None:
    op.execute("""
        ALTER TABLE api_keys DROP CONSTRAINT api_keys_name_key;
        CREATE UNIQUE INDEX api_keys_living_name ON api_keys (name) WHERE revoked_at IS NULL;
    """)
    changed = op.get_bind().execute(_VERIFIED_BY_NOTHING).rowcount
    if changed:
        logging.getLogger("alembic.runtime.migration").warning(
            "%d contacts were verified by a consent before 2000, which is no proof: its year was cut off. Those "
            "without a later consent get nothing now: import them again with the right date.",
            changed,
        )


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
