"""The rights of our processes' role on each table. The tables belong to another role, which runs the migrations.

PostgreSQL then refuses what no process of ours needs, even from an attacker who controls one: emptying a table,
changing records (audit, consents, an alert's words), changing the schema or disabling its triggers. A grant cannot
depend on whether an alert is launched, which fixes its approvals: triggers of the schema take care of that.

A new table needs a line here; a test compares the lines with the schema.
"""

from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core.errors import Refused

RIGHTS = {
    # Facts are only added.
    "audit": "SELECT, INSERT",
    "audit_seals": "SELECT, INSERT",
    "address_ledger": "SELECT, INSERT",
    "consents": "SELECT, INSERT",
    "contents": "SELECT, INSERT",
    "wording_parts": "SELECT, INSERT",
    "wordings": "SELECT, INSERT",
    "incidents": "SELECT, INSERT",
    "incident_claims": "SELECT, INSERT, UPDATE (released_at)",
    "incident_notes": "SELECT, INSERT",
    "lint_acknowledgements": "SELECT, INSERT",
    "alert_zones": "SELECT, INSERT",
    "word_versions": "SELECT, INSERT",
    "zone_versions": "SELECT, INSERT",
    "standings": "SELECT, INSERT, DELETE",
    # Only the columns that record progress may change.
    "alerts": "SELECT, INSERT, UPDATE (state, approved_by, approved_at, approved_hash, told_before, told_apart,"
    " launched_at, ask_since, finished_at, fanout_through, fanout_done_at, audience_total, joined_later,"
    " withdrawn)",
    "alarms": "SELECT, INSERT, UPDATE (message, last_seen, count, resolved_at, resolved_by)",
    "warn_requests": "SELECT, INSERT, UPDATE (read_back_at, read_back_by, closed_at, closed_by, alert_id, declined)",
    "batches": "SELECT, INSERT, UPDATE (state, size, rung_at, not_before, lease, lease_until)",
    "deliveries": "SELECT, INSERT, UPDATE (state, reason, batch_id, sender_id, claimed_at, sent_at, settled_at,"
    " attempts, reference)",
    "inbound": "SELECT, INSERT, DELETE, UPDATE (reference, answered)",
    "predictions": "SELECT, INSERT, UPDATE (measured, was_p95_at)",
    "carrier_blocks": "SELECT, INSERT, UPDATE (at, lifted_at, doubtful)",
    "carrier_refusals": "SELECT, INSERT, UPDATE (settled_at)",
    "merged": "SELECT, INSERT, DELETE, UPDATE (merged_at, look_at)",
    "receipts": "SELECT, INSERT, DELETE, UPDATE (applied_at)",
    "direct_messages": "SELECT, INSERT, DELETE, UPDATE (state, reason, sender_id, reference, cost, claimed_at,"
    " settled_at)",
    "sealed_words": "SELECT, INSERT",
    "break_glass": "SELECT, INSERT, UPDATE (reviewed_by, review, reviewed_at)",
    "channel_policies": "SELECT, INSERT, UPDATE (ended_by, ended_at)",
    "drills": "SELECT, INSERT, UPDATE (ends_at)",
    # People, and what the city runs on.
    "operators": "SELECT, INSERT, UPDATE (role, disabled_at, audience_limit, language)",
    "operator_limits": "SELECT, INSERT, UPDATE",
    "api_keys": "SELECT, INSERT, UPDATE (revoked_at)",
    "idempotency_keys": "SELECT, INSERT, DELETE, UPDATE (alert_id)",
    "sessions": "SELECT, INSERT, DELETE, UPDATE (seen_at, proven_at, ended_at, exercise_since)",
    "operator_contacts": "SELECT, INSERT, DELETE, UPDATE (address_sealed, verified_at, code_hash, code_ends_at,"
    " code_tries)",
    "duties": "SELECT, INSERT, UPDATE (ends_at)",
    "credentials": "SELECT, INSERT, DELETE, UPDATE",
    "recovery_codes": "SELECT, INSERT, DELETE, UPDATE (used_at)",
    "sign_in_links": "SELECT, INSERT, DELETE, UPDATE (used_at)",
    "passkeys": "SELECT, INSERT, DELETE, UPDATE (sign_count, backed_up, used_at)",
    "passkey_challenges": "SELECT, INSERT, DELETE",
    "known_devices": "SELECT, INSERT, DELETE, UPDATE (seen_at)",
    "import_asks": "SELECT, INSERT, DELETE, UPDATE (message_id)",
    "joinings": "SELECT, INSERT, DELETE, UPDATE (code_hash, link_hash, code_ends_at, code_tries, contact_id, ended_at)",
    "conversations": "SELECT, INSERT, DELETE, UPDATE (asked, kept_sealed, language, message_id, changed_at, ends_at)",
    "address_checks": "SELECT, INSERT, DELETE, UPDATE (answer, answered_at)",
    "sign_in_tries": "SELECT, INSERT, DELETE, UPDATE (level, at)",
    "senders": "SELECT, INSERT, UPDATE (rate_per_s, daily_cap, status, note, opened_at)",
    "zones": "SELECT, INSERT, UPDATE (name, external_id, retired_at, owner)",
    "zone_populations": "SELECT, INSERT, DELETE, UPDATE",
    "working_drafts": "SELECT, INSERT, DELETE, UPDATE (fields, version, counted, updated_by, updated_at, dropped_at,"
    " alert_id)",
    "working_draft_values": "SELECT, INSERT, DELETE, UPDATE (settled_at)",
    "signing_keys": "SELECT, INSERT, UPDATE (retired_at, revoked_at, secret_sealed)",
    "statements": "SELECT, INSERT, UPDATE",
    "jobs": "SELECT, INSERT, UPDATE",
    "heartbeats": "SELECT, INSERT, UPDATE, DELETE",
    "outside_feeds": "SELECT, INSERT, UPDATE, DELETE",
    "outside_warnings": "SELECT, INSERT, DELETE, UPDATE",
    "collection_editions": "SELECT, INSERT",
    # What was never published may be deleted; a trigger keeps what was.
    "collection_schedules": "SELECT, INSERT, DELETE, UPDATE (from_edition, until_edition, leaving)",
    "collection_rules": "SELECT, INSERT, DELETE, UPDATE (from_edition, until_edition, leaving)",
    "collection_feeds": "SELECT, INSERT, DELETE, UPDATE (address_sealed, revoked_at, fetched_edition, zone_id)",
    "answers": "SELECT, INSERT, DELETE, UPDATE",
    "answer_searches": "SELECT, INSERT, DELETE, UPDATE (count)",
    "call_reasons": "SELECT, INSERT, UPDATE",
    "calls": "SELECT, INSERT, DELETE, UPDATE (logged_by, note)",
    "call_spikes": "SELECT, INSERT, DELETE, UPDATE (calls, seen_at, outcome, settled_at, settled_by, draft_id)",
    "collection_tickets": "SELECT, INSERT, DELETE,"
    " UPDATE (taken_at, taken_by, mended_in, closed_at, closed_by, answer)",
    "collection_notices": "SELECT, INSERT, UPDATE (edition, reminded_day, checked_edition, look_at)",
    "reminders": "SELECT, INSERT, DELETE, UPDATE (edition, true_in, said, places, message_id, made_at)",
    "city_requests": "SELECT, INSERT, DELETE, UPDATE (state, number, token, said, settled_at, address_sealed)",
    # Residents' wishes may change and be deleted.
    "subscribers": "SELECT, INSERT, UPDATE (language, erased_at, chosen_at)",
    "contacts": "SELECT, INSERT, UPDATE (subscriber_id, address_index, address_sealed, verified_at, dead_at, asked_at,"
    " entered_at, lowest_severity, passed_on_at)",
    "places": "SELECT, INSERT, UPDATE, DELETE",
    "arrivals": "SELECT, INSERT, DELETE, UPDATE (due_at)",
    "place_checks": "SELECT, INSERT, DELETE, UPDATE (decision, decided_at, decided_by, why)",
    "preferences": "SELECT, INSERT, UPDATE, DELETE",
    "choices": "SELECT, INSERT, UPDATE, DELETE",
    "reminder_wishes": "SELECT, INSERT, UPDATE, DELETE",
    "outage_reports": "SELECT, INSERT, DELETE, UPDATE (last_at)",
    "suppressions": "SELECT, INSERT, DELETE",
    "resident_changes": "SELECT, INSERT, DELETE",  # INSERT: its triggers run as the role that changes a resident
    "snow_routes": "SELECT, INSERT, DELETE",
    "snow_emergencies": "SELECT, INSERT",
    "outages": "SELECT, INSERT, UPDATE (state, zones, drawn, names, area, begins_at, back_at, restored_at)",
    "outage_steps": "SELECT, INSERT",
    # Public data of the city: an import replaces the one before it, and runs ANALYZE (MAINTAIN).
    "address_points": "SELECT, INSERT, DELETE, MAINTAIN",
    "landmarks": "SELECT, INSERT, DELETE, MAINTAIN",
    "map_features": "SELECT, INSERT, DELETE, MAINTAIN",
    "streets": "SELECT, INSERT, DELETE, MAINTAIN",
    # Changed by the owner only: the key in force and the schema's version.
    "key_ring": "SELECT, INSERT",  # INSERT: the first process records its key in a new database
    "alembic_version": "SELECT",
}
# Sequences that our code advances itself; identity columns alone need no right.
NUMBERS = {
    "subscribers": "USAGE, UPDATE",  # for imports, and for `tocsin restored`, which skips numbers
    "places": "USAGE, UPDATE",
    "contacts": "USAGE, UPDATE",
    "deliveries": "USAGE, UPDATE",
    "alerts": "USAGE, UPDATE",
    "incidents": "USAGE, UPDATE",
}
MAINTAIN_SINCE = 170_000  # PostgreSQL 17; earlier ones rely on autovacuum, which runs ANALYZE soon after an import


class Login(NamedTuple):
    role: str
    password: str


def give(connection: "psycopg.Connection[Any]", login: Login) -> None:
    """Give a role exactly the RIGHTS, in the caller's transaction and as the owner of the tables.

    A missing role is created, without any other right. Raises Refused when the owner may not create roles.
    """
    role = sql.Identifier(login.role)
    if not _one(connection, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", login.role):
        _make(connection, login)
    schema = sql.Identifier(_one(connection, "SELECT current_schema()"))
    if not _one(connection, "SELECT has_schema_privilege(%s, current_schema(), 'USAGE')", login.role):
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role))
    if _one(connection, "SELECT has_schema_privilege(%s, current_schema(), 'CREATE')", login.role):  # before 15
        connection.execute(sql.SQL("REVOKE CREATE ON SCHEMA {} FROM PUBLIC, {}").format(schema, role))
    for table, rights in RIGHTS.items():
        _set(connection, sql.SQL("TABLE {}").format(sql.Identifier(table)), rights, role)
    for table, rights in NUMBERS.items():
        _set(connection, sql.SQL("SEQUENCE {}").format(sql.Identifier(f"{table}_id_seq")), rights, role)


def are_too_many(s: Session) -> bool:
    """Whether the current role has rights that no process of ours needs: to change the audit or to create tables."""
    too_many: bool = s.execute(
        text("""SELECT has_table_privilege('audit', 'UPDATE, DELETE, TRUNCATE')
                    OR has_schema_privilege(current_schema(), 'CREATE')""")
    ).scalar_one()
    return too_many


def _set(connection: "psycopg.Connection[Any]", what: sql.Composed, rights: str, role: sql.Identifier) -> None:
    if connection.info.server_version < MAINTAIN_SINCE:
        rights = rights.replace(", MAINTAIN", "")
    connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(what, role))
    connection.execute(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(rights), what, role))


def _make(connection: "psycopg.Connection[Any]", login: Login) -> None:
    # Hashed here, so that no log of statements shows it.
    password = connection.pgconn.encrypt_password(login.password.encode(), login.role.encode(), b"scram-sha-256")
    make = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(login.role), password.decode())
    try:
        connection.execute(make)
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused(
            f"PostgreSQL has no role {login.role!r}, the user of TOCSIN_DATABASE_URL, and {connection.info.user!r} may"
            " not create one.",
            hint=f"""As its administrator: CREATE ROLE "{login.role}" LOGIN PASSWORD '...' (docs/installing.md).""",
        ) from error


def _one(connection: "psycopg.Connection[Any]", question: str, *values: str) -> Any:
    row = connection.execute(sql.SQL(question), values).fetchone()
    return row[0] if row else None
