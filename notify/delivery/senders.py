"""Senders: the identities that messages are sent from, their rates and caps, and whether each is open."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.channels import registry
from notify.channels.channel import CHANNELS
from notify.core import alarms, audit, translation
from notify.core.characters import ascii_punctuation, visible
from notify.core.errors import Invalid, NotFound
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.models import Operator, Sender

LOWEST_RATE, HIGHEST_RATE = 0.01, 100_000  # a second; the database has the same bounds


def add(
    s: Session,
    provider: str,
    address: str,
    rate_per_s: float,
    now: datetime,
    *,
    daily_cap: int | None = None,
    by: Operator | None = None,
) -> Sender:
    """Add a sender. Rates are in the provider's units a second: SMS segments, email recipients, posts."""
    operators.require_by(by, "administer")
    if provider not in registry.PROVIDERS:
        raise Invalid(
            _("There is no provider %(provider)s.", provider=repr(provider)),
            hint=_("Providers: %(providers)s.", providers=", ".join(registry.PROVIDERS)),
        )
    address = _kept(registry.PROVIDERS[provider].channel, address)
    there = s.scalar(select(Sender).where(Sender.provider == provider, Sender.address == address))
    if there is not None:
        hint = f"Change it with `tocsin senders set {there.id}`"
        hint += ", or open it with `--status open`." if there.status == "stopped" else "."
        raise Invalid(
            _("%(provider)s already has the sender %(address)s.", provider=provider, address=address), hint=hint
        )
    _check(rate_per_s, daily_cap)
    sender = Sender(
        channel=registry.PROVIDERS[provider].channel,
        provider=provider,
        address=address,
        rate_per_s=rate_per_s,
        daily_cap=daily_cap,
        status="open",
        note="",
        created_at=now,
    )
    s.add(sender)
    s.flush()
    audit.note(s, now=now, by=by, action="add", subject="sender", subject_id=sender.id, rate_per_s=rate_per_s)
    return sender


def _kept(channel: str, given: str) -> str:
    """Return the address as the provider knows it."""
    address = ascii_punctuation(visible(given))
    if not address:
        raise Invalid(_("The sender has no address."), hint=_("Give its phone number, From address or account."))
    return CHANNELS[channel].sent_from(address)


def change(
    s: Session,
    sender_id: int,
    now: datetime,
    *,
    rate_per_s: float | None = None,
    daily_cap: int | None = None,
    status: str | None = None,
    by: Operator | None = None,
) -> Sender:
    """Change a rate or a cap (0: none), stop or open a sender. Takes effect within a second, even in mid-send.

    Raises NotFound and Invalid.
    """
    operators.require_by(by, "administer")
    sender = s.get(Sender, sender_id)
    if sender is None:
        raise NotFound(
            _("There is no sender %(sender)s.", sender=sender_id), hint="`tocsin senders list` shows the senders."
        )
    _check(rate_per_s if rate_per_s is not None else sender.rate_per_s, daily_cap or None)
    if rate_per_s is not None:
        sender.rate_per_s = rate_per_s
    if daily_cap is not None:
        sender.daily_cap = daily_cap or None
    if status is not None:
        if status not in ("open", "stopped"):
            raise Invalid(
                _("%(status)s is not a status of a sender.", status=repr(status)), hint=_("Use open or stopped.")
            )
        if status == "open":
            if sender.status != "open":
                sender.opened_at = now
            alarms.silence_sender(s, sender.id, now, by)
        sender.status, sender.note = ("open", "") if status == "open" else ("stopped", "stopped by an operator")
    audit.note(
        s,
        now=now,
        by=by,
        action="set",
        subject="sender",
        subject_id=sender.id,
        rate_per_s=sender.rate_per_s,
        daily_cap=sender.daily_cap,
        status=sender.status,
    )
    return sender


def channel_of(provider: str) -> str:
    return registry.PROVIDERS[provider].channel


def open_channels(s: Session) -> list[str]:
    """Return the channels that have an open sender; all of them in a city in which no sender is open."""
    there = s.scalars(select(Sender.channel).where(Sender.status == "open")).all()
    return [name for name in CHANNELS if not there or name in there]


def all_senders(s: Session) -> Sequence[Sender]:
    return s.scalars(select(Sender).order_by(Sender.id)).all()


def trouble(s: Session, channels: Sequence[str], settings: Settings) -> list[str]:
    """Return a sentence for each of these channels that cannot send, saying why."""
    sentences = []
    for channel in channels:
        of_channel = [x for x in all_senders(s) if x.channel == channel]
        usable = [x for x in of_channel if x.status == "open" and not registry.missing(settings, x.provider)]
        if usable:
            continue
        unset = sorted({name for x in of_channel for name in registry.missing(settings, x.provider)})
        if not of_channel:
            sentences.append(_("%(channel)s has no sender: add one with `tocsin senders add`.", channel=channel))
        elif unset:
            sentences.append(
                _("%(channel)s has no credentials: set %(settings)s.", channel=channel, settings=", ".join(unset))
            )
        else:
            sentences.append(
                _(
                    "%(channel)s has no open sender: open one under Senders, or with `tocsin senders set`.",
                    channel=channel,
                )
            )
    return sentences


def _check(rate_per_s: float, daily_cap: int | None) -> None:
    if not LOWEST_RATE <= rate_per_s <= HIGHEST_RATE:
        raise Invalid(
            _("%(rate)s a second is not a valid rate.", rate=format(rate_per_s, "g")),
            hint=_(
                "Give a rate from %(lowest_rate)s to %(highest_rate)s a second.",
                lowest_rate=format(LOWEST_RATE, "g"),
                highest_rate=translation.number(HIGHEST_RATE),
            ),
        )
    if daily_cap is not None and daily_cap < 0:
        raise Invalid(
            _("%(daily_cap)s is not a valid daily cap.", daily_cap=daily_cap),
            hint=_("Give a number of messages, or 0 for no cap."),
        )
