"""Residents' phone numbers and emails, stored and compared in the canonical form of their channel."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.channels.channel import CHANNELS
from notify.models import Contact


def index(channel: str, address: str) -> bytes:
    """Return the keyed index of an address in canonical form."""
    return CHANNELS[channel].address_index(address)


def any_index(channel: str, given: str) -> bytes:
    """Return the index of an address as somebody gave it; an invalid one (a short code) is used as it is."""
    of = CHANNELS[channel]
    try:
        kept = of.address.kept(given)
    except ValueError:
        kept = given.strip()
    return of.address_index(kept)


def contact(s: Session, channel: str, index: bytes) -> Contact | None:
    """Return the contact with an address, by its keyed index; None once it is erased, or if there is none."""
    return s.scalar(
        select(Contact).where(
            Contact.channel == channel, Contact.address_index == index, Contact.address_sealed.is_not(None)
        )
    )


def masked(channel: str, address: str) -> str:
    """Mask an address so that only its owner recognises it: `j***@example.org`, `***00`."""
    return CHANNELS[channel].address.masked(address)
