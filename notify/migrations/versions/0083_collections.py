"""Collection days: schedules, rules, the editions in which they are published, calendars of households, and tickets.

Revision ID: 0083
"""

from alembic import op

revision = "0083"
down_revision = "0082"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE collection_editions (
            number       integer PRIMARY KEY CHECK (number > 0),
            published_at timestamptz NOT NULL,
            published_by bigint REFERENCES operators,
            note         text NOT NULL
        )
    """)
    # A row is of the editions from `from_edition` until before `until_edition`; NULL: not yet published, and not yet
    # gone. `leaving`: the next edition does not have it. So each edition can be read again as it was.
    life = """
            from_edition  integer REFERENCES collection_editions,
            until_edition integer REFERENCES collection_editions CHECK (until_edition > from_edition),
            leaving       boolean NOT NULL DEFAULT false,
            made_at       timestamptz NOT NULL,
            made_by       bigint REFERENCES operators
    """
    op.execute(f"""
        CREATE TABLE collection_schedules (
            id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            zone_id         bigint REFERENCES zones,
            address         text CHECK (address <> ''),      -- of a house with days of its own: public data
            lon             double precision,
            lat             double precision,
            stream          text NOT NULL CHECK (stream ~ '^[a-z]{{1,20}}$'),
            weekdays        smallint[] NOT NULL CHECK (cardinality(weekdays) BETWEEN 1 AND 7
                                AND weekdays <@ ARRAY[0, 1, 2, 3, 4, 5, 6]::smallint[]),   -- 0: Monday
            every_weeks     smallint NOT NULL CHECK (every_weeks IN (1, 2)),
            anchor          date CHECK (isfinite(anchor)),   -- a date in a week of collection
            season_from     smallint,                        -- month * 100 + day, every year
            season_to       smallint,
            set_out_before  smallint NOT NULL CHECK (set_out_before IN (0, 1)),  -- days before the collection
            set_out_at      time NOT NULL,
            source          text NOT NULL,
            {life},
            CHECK ((zone_id IS NULL) <> (address IS NULL)),
            CHECK ((address IS NULL) = (lon IS NULL) AND (address IS NULL) = (lat IS NULL)),
            CHECK (every_weeks = 1 OR anchor IS NOT NULL),
            CHECK ((season_from IS NULL) = (season_to IS NULL))
        )
    """)
    op.execute("CREATE INDEX schedules_of_zone ON collection_schedules (zone_id) WHERE zone_id IS NOT NULL")
    op.execute("CREATE INDEX schedules_of_place ON collection_schedules (lon, lat) WHERE address IS NOT NULL")
    op.execute(f"""
        CREATE TABLE collection_rules (
            id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind   text NOT NULL CHECK (kind IN ('holiday', 'rule', 'exception')),
            body   jsonb NOT NULL,
            reason text NOT NULL,
            {life}
        )
    """)
    op.execute("""
        CREATE FUNCTION published_stays() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'DELETE' THEN
                    IF OLD.from_edition IS NOT NULL THEN
                        RAISE EXCEPTION 'what was published stays: row % of %', OLD.id, TG_TABLE_NAME;
                    END IF;
                    RETURN OLD;
                END IF;
                IF OLD.from_edition <> NEW.from_edition OR NEW.from_edition IS NULL AND OLD.from_edition IS NOT NULL
                   OR OLD.until_edition <> NEW.until_edition
                   OR NEW.until_edition IS NULL AND OLD.until_edition IS NOT NULL THEN
                    RAISE EXCEPTION 'what was published stays: row % of %', OLD.id, TG_TABLE_NAME;
                END IF;
                RETURN NEW;
            END
        $$
    """)
    for table in ("collection_schedules", "collection_rules"):
        op.execute(f"""CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW
                           EXECUTE FUNCTION published_stays()""")
    # A household's own address of its calendar. What it is of is sealed; once it is revoked, as nothing.
    op.execute("""
        CREATE TABLE collection_feeds (
            id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            token_hash     bytea NOT NULL UNIQUE,
            address_sealed bytea NOT NULL,
            language       text NOT NULL,
            made_at        timestamptz NOT NULL,
            revoked_at     timestamptz
        )
    """)
    op.execute("""
        CREATE TABLE collection_tickets (
            id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            zone_id   bigint NOT NULL REFERENCES zones,
            stream    text NOT NULL,
            on_date   date NOT NULL CHECK (isfinite(on_date)),
            edition   integer NOT NULL REFERENCES collection_editions,
            language  text NOT NULL,
            made_at   timestamptz NOT NULL,
            closed_at timestamptz,
            closed_by bigint REFERENCES operators,
            answer    text NOT NULL DEFAULT '',
            CHECK ((closed_at IS NULL) = (closed_by IS NULL))
        )
    """)
    op.execute("CREATE INDEX tickets_open ON collection_tickets (made_at) WHERE closed_at IS NULL")


def downgrade() -> None:
    raise NotImplementedError("The schema is not taken back: restore a backup.")
