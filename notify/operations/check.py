"""Check whether this installation could send an emergency now: servers, clocks, keys, network and providers.

The check only reads. Every finding that is not green says what to do.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import redis
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import migrations
from notify.channels import registry
from notify.channels.findings import Finding, State, green, readable, red, yellow
from notify.channels.http.blocking import BlockingClient
from notify.channels.http.outbound import Outbound
from notify.channels.http.probe import probe
from notify.core import db, keyring, rights
from notify.core.db import transaction
from notify.core.errors import TocsinError
from notify.core.settings import Settings
from notify.delivery.senders import all_senders
from notify.models import Lane
from notify.operations import heartbeat

CLOCK_S = 2.0  # smaller differences do no harm
CLOCK_WRONG_S = 30.0  # from here on expiries, caps and signed webhooks go wrong
REDIS_TIMEOUT_S = 3.0

Senders = Mapping[str, Mapping[str, float]]  # by provider: address and rate per second


def check(settings: Settings) -> Iterator[Finding]:
    """Check everything, in the order in which to fix it. Raises nothing: every failure is a finding."""
    yield from _settings(settings)
    yield from _neighbours(settings)
    senders, found = _database()
    yield from found
    yield from _redis(settings)
    try:
        outbound = Outbound.of(settings)
    except TocsinError as error:
        yield red("way out", error.message, error.hint)
        return
    if senders is None:
        senders = {provider: {} for provider in registry.PROVIDERS if not registry.missing(settings, provider)}
    with BlockingClient(outbound) as client:
        for provider, ours in senders.items():
            yield from _provider(settings, provider, ours, outbound, client)
    if settings.geocoder_url:
        yield from probe("geocoder", settings.geocoder_url, outbound, settings.geocoder_timeout_s)


def is_red(findings: Sequence[Finding]) -> bool:
    return any(finding.state is State.RED for finding in findings)


def _settings(settings: Settings) -> Iterator[Finding]:
    try:
        settings.require_secret_key()
    except TocsinError as error:
        yield red("secret key", error.message, error.hint)
    if settings.public_url.startswith("https://"):
        yield green("public address", f"Residents and providers are given {settings.public_url}.")
    elif settings.public_url.startswith(("http://127.0.0.1", "http://localhost")):
        yield yellow(
            "public address",
            f"{settings.public_url} can be reached from this machine only.",
            "Set TOCSIN_PUBLIC_URL to the https address that residents and providers reach.",
        )
    else:
        yield red(
            "public address",
            f"{settings.public_url} is not an https address.",
            "Set TOCSIN_PUBLIC_URL to the https address that residents and providers reach.",
        )


def _neighbours(settings: Settings) -> Iterator[Finding]:
    for one in settings.places_beside:
        if one.box or one.zips:
            yield green("neighbours", f"Who lives in {one.name} is shown {one.url}.")
        else:
            yield yellow(
                "neighbours",
                f"{one.name} is known by its name only.",
                "Give its ZIP codes or its area in TOCSIN_NEIGHBOURS, so that addresses there are recognised.",
            )


def _database() -> tuple[Senders | None, list[Finding]]:
    """The senders, or None when the database cannot be used, and the findings about the database."""
    began_s = time.monotonic()
    try:
        with transaction(db.reading_engine) as s:
            if s.scalar(text("SELECT to_regclass('alembic_version')")) is None:
                return None, [red("database", "The database has no schema.", "Run `tocsin migrate`.")]
            version, needed = s.scalar(text("SELECT version_num FROM alembic_version")), migrations.head()
            if version != needed:
                return None, [red("database", f"The schema is {version}, not {needed}.", migrations.remedy(version))]
            recorded = keyring.is_recorded(s)
            if recorded:
                keyring.verify(s)
            theirs: datetime = s.execute(text("SELECT clock_timestamp()")).scalar_one()
            ours = datetime.now(UTC)
            senders: dict[str, dict[str, float]] = defaultdict(dict)
            for sender in all_senders(s):
                senders[sender.provider][sender.address] = sender.rate_per_s
            processes = list(_processes(s))
            role: str | None = s.scalar(text("SELECT current_user")) if rights.are_too_many(s) else None
    except TocsinError as error:
        return None, [red("database", error.message, error.hint)]
    except db.AWAY as error:
        away = db.unavailable(error)
        return None, [red("database", away.message, away.hint or "Check TOCSIN_DATABASE_URL and that server.")]
    took_s = time.monotonic() - began_s
    findings = [
        green("database", "It answers, has our schema, and was written with our secret key.", took_s),
        _clock("the database's", (ours - theirs).total_seconds()),
        *processes,
    ]
    if role:
        findings.append(
            yellow(
                "database role",
                f"The processes connect as {role!r}, which may change the audit and the schema.",
                "Give them a role of their own: docs/installing.md, Two roles.",
            )
        )
    if not recorded:
        said = "The database has no fingerprint of the secret key yet."
        findings.append(yellow("secret key", said, "The first process that starts records its own: start one."))
    if not senders:
        findings.append(red("senders", "There are no senders.", "Add one: `tocsin senders add`."))
    return senders, findings


def _processes(s: Session) -> Iterator[Finding]:
    """Workers and the scheduler, judged by their heartbeats in the database."""
    gone, begun = heartbeat.lanes_without_worker(s), heartbeat.just_begun(s)
    for lane in Lane:
        if lane not in gone:
            yield green(f"worker, {lane}", "A worker of this lane has reported recently.")
        elif begun:
            yield yellow(f"worker, {lane}", f"No worker of this lane has reported yet; {_BEGUN}", _AGAIN)
        else:
            yield red(f"worker, {lane}", "No worker of this lane has reported recently.", heartbeat.start_worker(lane))
    if heartbeat.jobs_run(s):
        yield green("scheduler", "The timed jobs run.")
    elif begun:
        yield yellow("scheduler", f"No scheduler has run the timed jobs yet; {_BEGUN}", _AGAIN)
    else:
        yield red("scheduler", "No scheduler has run the timed jobs recently.", heartbeat.START_SCHEDULER)


_BEGUN = "the other processes started less than a minute ago."
_AGAIN = "Run this again in a minute."


def _redis(settings: Settings) -> Iterator[Finding]:
    began_s = time.monotonic()
    try:
        with redis.Redis.from_url(
            settings.require_redis(), socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
        ) as client:
            seconds, micros = client.time()
    except TocsinError as error:
        yield red("redis", error.message, error.hint)
    except redis.RedisError as error:
        yield red(
            "redis", f"Redis does not answer ({type(error).__name__}).", "Check TOCSIN_REDIS_URL and that server."
        )
    else:
        yield green("redis", "It answers.", time.monotonic() - began_s)
        yield _clock("Redis'", time.time() - (int(seconds) + int(micros) / 1e6))


def _clock(whose: str, ahead_s: float) -> Finding:
    """Compare the clock of this machine with another one."""
    subject = f"clock, against {whose}"
    if abs(ahead_s) < CLOCK_S:
        return green(subject, f"The clocks are {abs(ahead_s):.1f} s apart.")
    said = f"This machine's clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} {whose}."
    todo = "Let both machines follow the same time servers (NTP)."
    return red(subject, said, todo) if abs(ahead_s) >= CLOCK_WRONG_S else yellow(subject, said, todo)


def _provider(
    settings: Settings, provider: str, senders: Mapping[str, float], outbound: Outbound, client: BlockingClient
) -> Iterator[Finding]:
    unset = registry.missing(settings, provider)
    if unset:
        yield red(provider, "Its credentials are not set.", f"Set {', '.join(unset)}.")
        return
    way = list(probe(provider, getattr(settings, f"{provider}_base_url"), outbound, settings.provider_timeout_s))
    yield from way
    if not is_red(way):
        yield from readable(provider, registry.account_check(provider)(settings, senders, client))
