"""The channels: everything that differs by channel is a field of its `Channel`, which all other code reads.

A new channel is one value in `CHANNELS`. Properties of a provider are kept with it: its adapter (`contract.Adapter`)
states how many recipients a request carries and whether a message can be looked up or repeated; `registry` its
credentials.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import GetJsonSchemaHandler, PlainValidator

from notify.channels import addressing, sms_segments
from notify.core import crypto
from notify.core.characters import ascii_punctuation
from notify.core.translation import gettext, gettext_noop, ngettext, ngettext_noop


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to reach people.

    `unit` is what its senders' rates count. A text costs one of them unless `segmented`: then, as many as it has
    segments. `longest`: the most characters of a text; None where no limit is the channel's own (a network has its
    own: `content.post_length`). `plain`: typographic characters and accents, which make a text cost more, are replaced
    in it. `letter`: it has a subject and HTML. `leaves_by`: how its messages let their reader leave: by replying STOP,
    by a link, or not at all. `words_of`: the channel whose words it takes where templates/messages has
    none of its own; both have the same parts. `detail` orders channels by how much their words say; the public page
    shows those that say most.
    `sent_from`: a sender's address as somebody gave it -> as the provider knows it; raises Invalid.
    """

    name: str  # lower-case letters; in the database, over REST and in templates/messages
    label: str  # its messages, as a heading: "Texts"
    manner: str  # how they come, after a number of them: "12 by text"
    address: addressing.Addressing
    unit: str
    detail: int
    sent_from: Callable[[str], str] = addressing.unchanged
    segmented: bool = False
    longest: int | None = None
    plain: bool = False
    letter: bool = False
    leaves_by: Literal["reply", "link"] | None = None
    words_of: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of its texts in templates/messages."""
        return ("subject", "text") if self.letter else ("text",)

    def written(self, text: str) -> str:
        """Return a text as its messages carry it: what is stored, shown and counted is this."""
        return sms_segments.plain(ascii_punctuation(text)) if self.plain else text

    def cost(self, text: str) -> int:
        """Return how many units this text costs for each recipient."""
        return sms_segments.count(text).segments if self.segmented else 1

    @property
    def measure(self) -> str:
        """Return what its senders' rates count, in words: `segments`."""
        several = self.unit + "s"
        return gettext(several)

    def units(self, n: int) -> str:
        """Return a number of what its senders' rates count, in words: `2 segments`."""
        one = f"%(n)s {self.unit}"
        return ngettext(one, one + "s", n)

    def address_index(self, address: str) -> bytes:
        """Return the keyed index of an address in its kept form: see `crypto.address_index`."""
        return crypto.address_index(self.name, self.address.compared(address))


SMS = Channel(
    name="sms",
    label=gettext_noop("Texts"),
    manner=gettext_noop("by text"),
    address=addressing.PHONE,
    unit="segment",
    detail=1,
    sent_from=addressing.number_to_send_from,
    segmented=True,
    longest=1600,  # Twilio answers 21617 beyond
    plain=True,
    leaves_by="reply",
)
EMAIL = Channel(
    name="email",
    label=gettext_noop("Emails"),
    manner=gettext_noop("by email"),
    address=addressing.EMAIL,
    unit="recipient",
    detail=3,
    sent_from=addressing.email_to_send_from,
    letter=True,
    leaves_by="link",
)
SOCIAL = Channel(
    name="social",
    label=gettext_noop("Posts"),
    manner=gettext_noop("as posts"),
    address=addressing.TIMELINE,
    unit="post",
    detail=2,
)

# What `measure` and `units` say of these, for the catalogue.
ngettext_noop("%(n)s segment", "%(n)s segments")
ngettext_noop("%(n)s recipient", "%(n)s recipients")
ngettext_noop("%(n)s post", "%(n)s posts")
gettext_noop("segments")
gettext_noop("recipients")
gettext_noop("posts")

CHANNELS = {channel.name: channel for channel in (SMS, EMAIL, SOCIAL)}


def timelines(names: Collection[str] | None = None) -> list[str]:
    """Return which of these channels, or of all, are timelines of the city."""
    return [c.name for c in CHANNELS.values() if c.address.timeline and (names is None or c.name in names)]


def of_residents() -> list[str]:
    """Return the channels on which residents have addresses."""
    return [channel.name for channel in CHANNELS.values() if not channel.address.timeline]


def _known(given: Any) -> str:
    if isinstance(given, str) and given in CHANNELS:
        return given
    *others, last = (repr(name) for name in CHANNELS)
    raise ValueError(f"Input should be {', '.join(others)} or {last}")


class _Described:
    """Describes the field as a `Literal` of all names would, but reads `CHANNELS` when the schema is built."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"enum": list(CHANNELS), "type": "string"}


ChannelName = Annotated[str, PlainValidator(_known), _Described]
