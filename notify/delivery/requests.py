"""Build the requests to a provider: the text of a batch, and its recipients with decrypted addresses."""

from collections.abc import Sequence

from notify.channels.channel import CHANNELS
from notify.channels.contract import Content, Message, Recipient
from notify.content.together import Words
from notify.core import crypto
from notify.core.errors import Unavailable
from notify.core.settings import Settings
from notify.delivery.claims import Claimed
from notify.delivery.leases import Lease

EVERYTHING = "all"  # in an unsubscribe link, instead of a topic


def content(held: Lease, settings: Settings, said: Words | None = None) -> Content:
    """Return the text that all messages of a batch share; with `said`, that of a digest."""
    words = said or Words(held.subject, held.text, held.html)
    return Content(
        alert_id=held.alert_id,
        language=held.language,
        topic=held.topic,
        subject=words.subject,
        text=words.text,
        html=words.html,
        list_id=f"{held.topic}.{settings.mail_domain}",
    )


def recipients(claimed: Sequence[Claimed], held: Lease, settings: Settings) -> tuple[list[Recipient], list[Claimed]]:
    """Return the recipients, and the deliveries whose address cannot be decrypted.

    Addresses to send to are decrypted here and nowhere else.
    """
    opened, unreadable = [], []
    with_links = CHANNELS[held.channel].leaves_by == "link"
    for one in claimed:
        if one.address_sealed is None:  # erased since
            unreadable.append(one)
            continue
        try:
            address = crypto.unseal(one.address_sealed, held.channel)
        except Unavailable:
            unreadable.append(one)
            continue
        if with_links:
            topic = EVERYTHING if one.words else held.topic  # a digest may be about any
            link = unsubscribe_url(settings, one.contact_id, topic)
            opened.append(Recipient(one.delivery_id, address, link, crypto.proof(one.delivery_id, address)))
        else:
            opened.append(Recipient(one.delivery_id, address))
    return opened, unreadable


def message(
    words: Content, sender_address: str, group: Sequence[Recipient], settings: Settings, valid_for_s: int | None
) -> Message:
    """Return one request."""
    return Message(
        content=words,
        sender_address=sender_address,
        recipients=group,
        callback_url=f"{settings.public_url}/hooks",
        valid_for_s=valid_for_s,
    )


def unsubscribe_url(settings: Settings, contact_id: int, topic: str) -> str:
    """Return the one-click address of RFC 8058 for a contact and list, signed so that nobody can forge another."""
    return f"{settings.public_url}/u/{crypto.sign_token('unsubscribe', f'{contact_id}.{topic}')}"
