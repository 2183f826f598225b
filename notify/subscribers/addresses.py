"""Residents' addresses, which are kept, compared and written to in one form: that of their channel."""

from notify.channels.channel import CHANNELS


def index(channel: str, address: str) -> bytes:
    """The keyed index of an address in its kept form."""
    return CHANNELS[channel].address_index(address)


def any_index(channel: str, given: str) -> bytes:
    """The index of an address as somebody gave it; what is no good address (a short code) is taken as it stands."""
    of = CHANNELS[channel]
    try:
        kept = of.address.kept(given)
    except ValueError:
        kept = given.strip()
    return of.address_index(kept)


def masked(channel: str, address: str) -> str:
    """Enough for its owner to recognise: `j***@example.org`, `***00`."""
    return CHANNELS[channel].address.masked(address)
