"""A hash for each audit row, and indexes for those who read the audit.

Revision ID: 0036
"""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The rows of an older database are sealed by the timed job."""
    op.execute("""
        CREATE TABLE audit_seals (
            audit_id bigint PRIMARY KEY,  -- not a foreign key: a row that is gone must be found missing by its seal
            version smallint NOT NULL,
            prev_hash bytea NOT NULL CHECK (length(prev_hash) = 32),
            hash bytea NOT NULL CHECK (length(hash) = 32)
        );
        CREATE TRIGGER audit_seals_never_change BEFORE UPDATE OR DELETE ON audit_seals
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        CREATE INDEX audit_of_operator ON audit (operator_id, id);
        CREATE INDEX audit_of_action ON audit (action, id);
        CREATE INDEX audit_at ON audit (at);
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
