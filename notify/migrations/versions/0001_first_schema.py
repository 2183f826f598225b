"""First schema: the whole way of an alert.

Written as SQL, because the constraints are the point: what must never happen is refused here, whatever the code does.

Revision ID: 0001
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WORDS = """
CREATE TYPE alert_state AS ENUM
    ('draft', 'approved', 'scheduled', 'sending', 'paused', 'sent', 'cancelled', 'expired');
CREATE TYPE delivery_state AS ENUM
    ('queued', 'sending', 'unknown', 'accepted', 'delivered', 'undelivered', 'failed', 'skipped', 'cancelled',
     'expired');
CREATE TYPE batch_state AS ENUM ('waiting', 'leased', 'unsettled', 'done');
CREATE TYPE lane AS ENUM ('emergency', 'routine');
CREATE TYPE topic AS ENUM
    ('outage', 'snow', 'storm', 'collection', 'flood', 'heat', 'water', 'road', 'health', 'evacuation', 'general');
"""

PEOPLE = """
CREATE TABLE operators (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email       text NOT NULL UNIQUE CHECK (email = lower(email) AND position('@' IN email) > 1),
    role        text NOT NULL CHECK (role IN ('author', 'approver', 'agent', 'admin')),
    created_at  timestamptz NOT NULL,
    disabled_at timestamptz
);
CREATE TABLE api_keys (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    key_hash    bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    operator_id bigint REFERENCES operators,  -- whom it acts for; without one it may only read
    created_at  timestamptz NOT NULL,
    revoked_at  timestamptz
);
CREATE TABLE subscribers (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    language    text NOT NULL CHECK (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]+)*$'),
    created_at  timestamptz NOT NULL,
    erased_at   timestamptz
);
CREATE TABLE senders (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel    text NOT NULL CHECK (channel ~ '^[a-z]+$'),
    provider   text NOT NULL,
    address    text NOT NULL,                 -- the number, From address or account name it sends as
    rate_per_s double precision NOT NULL CHECK (rate_per_s > 0 AND rate_per_s <= 100000),
    daily_cap  integer CHECK (daily_cap > 0),
    status     text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'stopped')),
    note       text NOT NULL DEFAULT '',      -- why it is stopped
    created_at timestamptz NOT NULL,
    UNIQUE (provider, address)
);
-- A resident's phone or email; or, without a resident, the timeline of one of our social accounts in one language.
CREATE TABLE contacts (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscriber_id  bigint REFERENCES subscribers,
    timeline_of    bigint REFERENCES senders,
    language       text,                      -- a timeline's; a resident's contacts speak the resident's
    channel        text NOT NULL CHECK (channel ~ '^[a-z]+$'),
    address_index  bytea NOT NULL CHECK (length(address_index) = 32),
    address_sealed bytea,                     -- gone after erasure
    verified_at    timestamptz,
    created_at     timestamptz NOT NULL,
    UNIQUE (channel, address_index),
    CHECK (num_nonnulls(subscriber_id, timeline_of) = 1),
    CHECK (num_nonnulls(subscriber_id, language) = 1)
);
CREATE INDEX contacts_of_subscriber ON contacts (subscriber_id) WHERE subscriber_id IS NOT NULL;
CREATE TABLE places (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscriber_id  bigint NOT NULL REFERENCES subscribers,
    label          text NOT NULL,
    lon            double precision NOT NULL CHECK (lon BETWEEN -180 AND 180),
    lat            double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
    radius_m       real NOT NULL DEFAULT 0 CHECK (radius_m BETWEEN 0 AND 50000),
    address_sealed bytea,
    created_at     timestamptz NOT NULL,
    UNIQUE (subscriber_id, lon, lat)
);
CREATE INDEX places_lon_lat ON places (lon, lat) INCLUDE (subscriber_id, radius_m);
CREATE TABLE preferences (
    subscriber_id bigint NOT NULL REFERENCES subscribers,
    topic         topic NOT NULL,
    muted_until   timestamptz,
    PRIMARY KEY (subscriber_id, topic)
);
-- Facts, never changed: who said yes or no to what, when and how.
CREATE TABLE consents (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    contact_id bigint NOT NULL REFERENCES contacts,
    kind       text NOT NULL CHECK (kind IN ('opt-in', 'opt-out')),
    topic      topic,                         -- null: all topics
    at         timestamptz NOT NULL,
    how        text NOT NULL CHECK (how <> '')
);
CREATE INDEX consents_of_contact ON consents (contact_id);
-- By keyed hash and not by contact, so that it outlives the erasure of a resident.
CREATE TABLE suppressions (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel       text NOT NULL,
    address_index bytea NOT NULL CHECK (length(address_index) = 32),
    topic         topic,                      -- null: everything
    reason        text NOT NULL CHECK (reason IN ('opt-out', 'hard-bounce', 'complaint', 'invalid')),
    at            timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (channel, address_index, topic, reason)
);
-- What residents wrote to our numbers: its meaning, not its words.
CREATE TABLE inbound (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider      text NOT NULL,
    reference     text NOT NULL,
    address_index bytea NOT NULL,
    meaning       text NOT NULL CHECK (meaning IN ('stop', 'start', 'help', 'other')),
    received_at   timestamptz NOT NULL,
    UNIQUE (provider, reference)
);
"""

PLACES = """
CREATE TABLE zones (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL
        CHECK (kind IN ('neighbourhood', 'collection', 'snow', 'evacuation', 'utility', 'custom')),
    name        text NOT NULL CHECK (name = btrim(name) AND name <> ''),
    external_id text,
    created_at  timestamptz NOT NULL,
    retired_at  timestamptz,
    UNIQUE (kind, name)
);
CREATE TABLE zone_versions (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    zone_id    bigint NOT NULL REFERENCES zones,
    number     integer NOT NULL CHECK (number > 0),
    geometry   bytea NOT NULL,                -- WKB, WGS 84, (multi)polygon
    hash       text NOT NULL,
    area_m2    double precision NOT NULL CHECK (area_m2 > 0),
    source     text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (zone_id, number)
);
"""

ALERTS = """
CREATE TABLE incidents (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event      text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE TABLE alerts (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id      bigint NOT NULL REFERENCES incidents,
    event            text NOT NULL,
    phase            text NOT NULL,
    topic            topic NOT NULL,
    lane             lane NOT NULL,
    state            alert_state NOT NULL DEFAULT 'draft',
    -- CAP 1.2 section 3.2
    msg_type         text NOT NULL CHECK (msg_type IN ('Alert', 'Update', 'Cancel')),
    status           text NOT NULL CHECK (status IN ('Actual', 'Exercise', 'Test')),
    category         text NOT NULL CHECK (category IN ('Geo', 'Met', 'Safety', 'Security', 'Rescue', 'Fire', 'Health',
                                                       'Env', 'Transport', 'Infra', 'CBRNE', 'Other')),
    severity         text NOT NULL CHECK (severity IN ('Extreme', 'Severe', 'Moderate', 'Minor', 'Unknown')),
    urgency          text NOT NULL CHECK (urgency IN ('Immediate', 'Expected', 'Future', 'Past', 'Unknown')),
    certainty        text NOT NULL CHECK (certainty IN ('Observed', 'Likely', 'Possible', 'Unlikely', 'Unknown')),
    channels         text[] NOT NULL CHECK (cardinality(channels) > 0),
    blanks           jsonb NOT NULL,
    area             bytea,                   -- WKB, WGS 84, (multi)polygon
    area_hash        text,
    area_description text NOT NULL DEFAULT '',
    expires_at       timestamptz NOT NULL,
    created_by       bigint NOT NULL REFERENCES operators,
    created_at       timestamptz NOT NULL,
    approved_by      bigint REFERENCES operators,
    approved_at      timestamptz,
    approved_hash    text,                    -- of the area and every word, as the approver saw them
    launch_at        timestamptz,
    launched_at      timestamptz,
    finished_at      timestamptz,
    -- how far the audience is resolved: subscribers up to this id have their deliveries
    fanout_through   bigint NOT NULL DEFAULT -1,
    fanout_done_at   timestamptz,
    audience_total   integer NOT NULL DEFAULT 0,
    CHECK (expires_at > created_at),
    CHECK ((area IS NULL) = (area_hash IS NULL)),
    CHECK (state IN ('draft', 'cancelled', 'expired')
           OR (approved_by IS NOT NULL AND approved_at IS NOT NULL AND approved_hash IS NOT NULL)),
    CHECK (lane <> 'emergency' OR approved_by IS DISTINCT FROM created_by),
    CHECK (launched_at IS NULL OR (area IS NOT NULL AND approved_hash IS NOT NULL)),
    CHECK (state NOT IN ('sending', 'paused', 'sent') OR launched_at IS NOT NULL)
);
CREATE INDEX alerts_in_work ON alerts (state) WHERE state IN ('approved', 'scheduled', 'sending', 'paused');
CREATE INDEX alerts_of_incident ON alerts (incident_id);
CREATE TABLE alert_zones (
    alert_id        bigint NOT NULL REFERENCES alerts,
    zone_version_id bigint NOT NULL REFERENCES zone_versions,
    PRIMARY KEY (alert_id, zone_version_id)
);
CREATE TABLE contents (
    alert_id bigint NOT NULL REFERENCES alerts,
    channel  text NOT NULL,
    language text NOT NULL,
    subject  text NOT NULL,
    text     text NOT NULL CHECK (text <> ''),
    html     text NOT NULL,
    cost     integer NOT NULL CHECK (cost > 0), -- tokens a recipient costs: SMS segments, else 1
    PRIMARY KEY (alert_id, channel, language)
);
"""

SENDING = """
CREATE TABLE batches (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id    bigint NOT NULL REFERENCES alerts,
    channel     text NOT NULL,
    language    text NOT NULL,
    lane        lane NOT NULL,
    sender_id   bigint REFERENCES senders,    -- the only one that may send it (a timeline's own account); null: any
    ordinal     integer NOT NULL,             -- which one of its slice; only to deal the deliveries out
    size        integer NOT NULL CHECK (size > 0),
    state       batch_state NOT NULL DEFAULT 'waiting',
    rung_at     timestamptz,                  -- when its doorbell was last put into Redis; null: not yet
    not_before  timestamptz,                  -- back-off after a passing fault
    lease       uuid,                         -- whose it is
    lease_until timestamptz,
    FOREIGN KEY (alert_id, channel, language) REFERENCES contents,
    CHECK ((state = 'leased') = (lease IS NOT NULL)),
    CHECK ((lease IS NULL) = (lease_until IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX batches_in_work ON batches (state, lease_until) WHERE state <> 'done';
CREATE INDEX batches_of_alert ON batches (alert_id);
CREATE TABLE deliveries (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id   bigint NOT NULL REFERENCES alerts,
    contact_id bigint NOT NULL REFERENCES contacts,
    batch_id   bigint REFERENCES batches,
    sender_id  bigint REFERENCES senders,
    claimed_at timestamptz,                   -- when it was last taken for sending
    sent_at    timestamptz,                   -- when the provider took it
    settled_at timestamptz,                   -- when its latest state was reached
    attempts   smallint NOT NULL DEFAULT 0,
    state      delivery_state NOT NULL,
    reason     text,
    reference  text,                          -- the provider's own id of the message
    UNIQUE (alert_id, contact_id),
    CHECK ((batch_id IS NULL) <= (state = 'skipped')),
    CHECK (state IN ('queued', 'sending', 'accepted', 'delivered') OR reason IS NOT NULL)
) WITH (fillfactor = 70);                     -- room for updates in place: no index holds the state
CREATE INDEX deliveries_of_batch ON deliveries (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX deliveries_of_contact ON deliveries (contact_id);
-- Facts as they came in, applied in bulk; late, repeated and unordered ones are normal, so nothing here is unique.
CREATE TABLE receipts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider    text NOT NULL,
    delivery_id bigint NOT NULL,
    state       delivery_state CHECK (state IN ('accepted', 'delivered', 'undelivered', 'failed')),
    code        text NOT NULL,
    reference   text NOT NULL,
    event_key   text NOT NULL,
    suppress    text NOT NULL CHECK (suppress IN ('', 'opt-out', 'hard-bounce', 'complaint', 'invalid')),
    received_at timestamptz NOT NULL,
    applied_at  timestamptz
) WITH (fillfactor = 80);
CREATE INDEX receipts_to_apply ON receipts (id) WHERE applied_at IS NULL;
CREATE TABLE audit (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    operator_id bigint REFERENCES operators,  -- null: Tocsin itself
    action      text NOT NULL,
    subject     text NOT NULL,                -- alert, zone, sender, operator, api_key, suppression
    subject_id  bigint NOT NULL,
    detail      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_of_subject ON audit (subject, subject_id);
"""

# Law 10, in the database: after launch an alert's words, area and approvals never change.
FROZEN = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are facts and never change', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER zone_versions_never_change BEFORE UPDATE OR DELETE ON zone_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consents_never_change BEFORE UPDATE OR DELETE ON consents
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_never_changes BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_change_after_launch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'alert % is launched: its words, area and approvals never change', OLD.id
        USING ERRCODE = 'restrict_violation', HINT = 'Send a correction as a new alert in the same incident.';
END $$;
CREATE TRIGGER alerts_frozen_after_launch BEFORE UPDATE ON alerts FOR EACH ROW
    WHEN (OLD.launched_at IS NOT NULL AND
          (OLD.incident_id, OLD.event, OLD.phase, OLD.topic, OLD.lane, OLD.msg_type, OLD.status, OLD.category,
           OLD.severity, OLD.urgency, OLD.certainty, OLD.channels, OLD.blanks, OLD.area, OLD.area_hash,
           OLD.area_description, OLD.expires_at, OLD.created_by, OLD.created_at, OLD.approved_by, OLD.approved_at,
           OLD.approved_hash, OLD.launched_at)
          IS DISTINCT FROM
          (NEW.incident_id, NEW.event, NEW.phase, NEW.topic, NEW.lane, NEW.msg_type, NEW.status, NEW.category,
           NEW.severity, NEW.urgency, NEW.certainty, NEW.channels, NEW.blanks, NEW.area, NEW.area_hash,
           NEW.area_description, NEW.expires_at, NEW.created_by, NEW.created_at, NEW.approved_by, NEW.approved_at,
           NEW.approved_hash, NEW.launched_at))
    EXECUTE FUNCTION refuse_change_after_launch();
CREATE TRIGGER alerts_stay_after_launch BEFORE DELETE ON alerts FOR EACH ROW
    WHEN (OLD.launched_at IS NOT NULL) EXECUTE FUNCTION refuse_change_after_launch();

CREATE FUNCTION refuse_words_after_launch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_alerts bigint[] := CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.alert_id] WHEN 'DELETE' THEN ARRAY[OLD.alert_id]
                                     ELSE ARRAY[OLD.alert_id, NEW.alert_id] END;
BEGIN
    PERFORM FROM alerts WHERE id = ANY (of_alerts) FOR SHARE;  -- waits for a launch in the same moment
    IF EXISTS (SELECT FROM alerts WHERE id = ANY (of_alerts) AND launched_at IS NOT NULL) THEN
        RAISE EXCEPTION 'alert % is launched: its words never change', of_alerts[1]
            USING ERRCODE = 'restrict_violation', HINT = 'Send a correction as a new alert in the same incident.';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER contents_frozen_after_launch BEFORE INSERT OR UPDATE OR DELETE ON contents
    FOR EACH ROW EXECUTE FUNCTION refuse_words_after_launch();
"""


def upgrade() -> None:
    for part in (WORDS, PEOPLE, PLACES, ALERTS, SENDING, FROZEN):
        op.execute(part)


def downgrade() -> None:
    raise NotImplementedError("The first schema is not taken back: restore a backup, or drop the database.")
