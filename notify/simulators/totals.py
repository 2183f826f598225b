"""Totals and lists of all accepted messages, for tests and for the pages."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from notify.simulators.mails import Mail
from notify.simulators.posts import Post
from notify.simulators.texts import Text
from notify.simulators.world import World

PROVIDERS = ("twilio", "sendgrid", "mastodon", "bluesky")


def totals(world: World) -> dict[str, Any]:
    """Return totals by provider. `senders` has each sender's messages and units, and the most within one second."""
    states = {
        "twilio": Counter(text.status for text in sent_texts(world)),
        "sendgrid": Counter(mail.status for mail in world.inboxes.mails()),
        "mastodon": Counter("published" for _ in world.timeline.of("mastodon")),
        "bluesky": Counter("published" for _ in world.timeline.of("bluesky")),
    }
    found: dict[str, Any] = {
        provider: {
            "requests": world.log.requests.get(provider, 0),
            "refused": world.log.refused.get(provider, 0),
            "accepted": sum(states[provider].values()),
            "states": dict(states[provider]),
            "senders": {name: window.as_json() for name, window in world.log.senders(provider).items()},
        }
        for provider in PROVIDERS
    }
    return found | {
        "phones": len(world.phones),
        "inboxes": len(world.inboxes),
        "callbacks": world.courier.as_json(),
    }


def accepted(world: World, provider: str, since: float, after: int) -> list[dict[str, Any]]:
    """Return the accepted messages in order: received after `since` and numbered above `after`."""
    texts = (_text(text) for text in sent_texts(world) if text.created > since and text.order > after)
    mails = (_mail(mail) for mail in world.inboxes.mails() if mail.created > since and mail.order > after)
    chosen: dict[str, Iterator[dict[str, Any]]] = {"twilio": texts, "sendgrid": mails}
    for network in ("mastodon", "bluesky"):
        posts = world.timeline.of(network)
        chosen[network] = (_post(post) for post in posts if post.created > since and post.order > after)
    lists = [chosen[provider]] if provider else list(chosen.values())
    return sorted((message for one in lists for message in one), key=lambda message: message["order"])


def sent_texts(world: World) -> Iterator[Text]:
    """Yield the texts sent through the API, without the answers within conversations."""
    return (text for text in world.phones.texts() if text.direction == "outbound-api")


def _text(text: Text) -> dict[str, Any]:
    return spoken(text) | {
        "provider": "twilio",
        "received_at": text.created,
        "service": text.service,
        "raw": text.arrival.parsed if text.arrival is not None else None,
        "request": text.arrival.order if text.arrival is not None else None,
    }


def spoken(text: Text) -> dict[str, Any]:
    """Return a message of a conversation as JSON."""
    return {
        "id": text.sid,
        "order": text.order,
        "direction": text.direction,
        "to": text.to,
        "from": text.sender,
        "body": text.body,
        "segments": text.segments,
        "status": text.status,
        "error_code": text.error_code,
        "at": text.created,
    }


def _mail(mail: Mail) -> dict[str, Any]:
    return {
        "provider": "sendgrid",
        "id": mail.message_id,
        "order": mail.order,
        "to": mail.to,
        "from": mail.sender,
        "subject": mail.subject,
        "body": mail.text,
        "html": mail.html,
        "headers": mail.headers,
        "custom_args": mail.custom_args,
        "status": mail.status,
        "marks": mail.marks,
        "received_at": mail.created,
        "raw": mail.raw,
        "request": mail.arrival.order,
    }


def _post(post: Post) -> dict[str, Any]:
    return {
        "provider": post.provider,
        "id": post.id,
        "order": post.order,
        "to": "",
        "from": post.account,
        "body": post.text,
        "language": post.language,
        "visibility": post.visibility,
        "status": "published",
        "received_at": post.created,
        "raw": post.arrival.parsed,
        "request": post.arrival.order,
    }
