"""Ask a feed for its document, and for the messages that it links to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from yarl import URL

from notify.channels.http.blocking import BlockingClient
from notify.channels.http.client import Answer, Endpoint, NotSent, OutcomeUnknown
from notify.channels.http.outbound import Outbound
from notify.core.settings import Settings

TIMEOUT_S = 10.0
# Named first what is preferred: api.weather.gov serves several kinds at one address.
ACCEPT = (
    "application/geo+json, application/cap+xml, application/atom+xml, application/rss+xml, application/xml;q=0.9,"
    " */*;q=0.5"
)


class FeedFails(Exception):
    """A document cannot be had. Its text says why, for operators."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document, with what to ask it by the next time."""

    body: bytes
    etag: str
    last_modified: str


class Fetcher:
    """Asks feeds, which the city has named, and addresses that feeds name: those must be public, and by https."""

    def __init__(self, feeds: BlockingClient, strangers: BlockingClient, contact: str) -> None:
        self._feeds, self._strangers, self._contact = feeds, strangers, contact

    def document(self, address: str, etag: str = "", last_modified: str = "") -> Fetched | None:
        """Return the document of a feed; None when it has not changed. Raises FeedFails."""
        known = {"If-None-Match": etag} if etag else {"If-Modified-Since": last_modified} if last_modified else {}
        answer = self._ask(self._feeds, address, known)
        return None if answer.status == 304 and known else _document(answer)

    def linked(self, address: str, feed: str) -> bytes:
        """Return what an entry of a feed links to. Raises FeedFails."""
        try:
            own = URL(address).origin() == URL(feed).origin()
            secure = URL(address).scheme == "https"
        except ValueError:
            raise FeedFails("its address is not a web address") from None
        if not own and not secure:
            raise FeedFails("its address is neither https nor on the feed's own server")
        return _document(self._ask(self._feeds if own else self._strangers, address, {})).body

    def _ask(self, client: BlockingClient, address: str, more: dict[str, str]) -> Answer:
        try:
            headers = {"User-Agent": self._contact, "Accept": ACCEPT, **more}
            return client.ask(Endpoint("GET", address, headers), None, TIMEOUT_S)
        except (NotSent, OutcomeUnknown) as error:
            raise FeedFails(_WHY.get(str(error), f"no answer ({error})")) from None
        except ValueError:  # a line break in what the server told us to ask by
            raise FeedFails("its address cannot be asked") from None


_WHY = {
    "dns": "the name of its server is unknown",
    "not-public": "its address leads into a private network",
    "tls": "the certificate of its server is not trusted",
    "timeout": f"no answer within {TIMEOUT_S:g} s",
    "connect-timeout": f"no connection within {TIMEOUT_S / 2:g} s",
    "too-long": "its document is longer than 4 MB; ask for the city's own zones only",
}


@contextmanager
def fetcher(settings: Settings) -> Iterator[Fetcher]:
    """Open the connections. api.weather.gov refuses those who do not say whom to write to."""
    outbound = Outbound.of(settings)
    with BlockingClient(outbound) as feeds, BlockingClient(replace(outbound, public_only=True)) as strangers:
        yield Fetcher(feeds, strangers, f"Tocsin ({settings.public_url})")


def _document(answer: Answer) -> Fetched:
    headers = answer.headers
    if 300 <= answer.status < 400:
        to = headers.get("Location", "nowhere")[:200]
        raise FeedFails(f"it answers {answer.status} and points to {to!r}, which is not followed")
    if answer.status != 200:
        raise FeedFails(f"it answers {answer.status}")
    return Fetched(answer.body, headers.get("ETag", "")[:500], headers.get("Last-Modified", "")[:100])
