"""Questions and answers, and words that found none.

Revision ID: 0090
"""

from alembic import op

revision = "0090"
down_revision = "0089"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE answers (
            number      bigint NOT NULL CHECK (number > 0),
            language    text NOT NULL,
            question    text NOT NULL CHECK (question <> ''),
            answer      text NOT NULL CHECK (answer <> ''),
            short       text NOT NULL DEFAULT '',
            keywords    text NOT NULL DEFAULT '',
            incident_id bigint REFERENCES incidents,
            valid_from  timestamptz NOT NULL,
            valid_until timestamptz,
            version     integer NOT NULL,
            changed_at  timestamptz NOT NULL,
            changed_by  bigint REFERENCES operators,
            search      tsvector NOT NULL,       -- of the words without accents, in the configuration of the language
            PRIMARY KEY (number, language)
        )
    """)
    op.execute("CREATE INDEX answers_search ON answers USING gin (search)")
    op.execute("""
        CREATE TABLE answer_searches (
            words    text NOT NULL,              -- letters only: no number, email or address
            language text NOT NULL,
            day      date NOT NULL,
            count    integer NOT NULL,
            PRIMARY KEY (words, language, day)
        )
    """)


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
