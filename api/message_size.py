"""How long a message is, in words for its writer."""

from notify.channels.channel import CHANNELS
from notify.channels.sms_segments import count
from notify.content.compose import Rendered
from notify.core.translation import ngettext


def size(one: Rendered) -> str:
    """Return its characters, and whether some of them make a text cost more."""
    if not CHANNELS[one.channel].segmented:
        return ngettext("%(n)s character", "%(n)s characters", len(one.text))
    found = count(one.text)
    if found.encoding == "GSM-7":
        return ngettext("%(n)s character", "%(n)s characters", found.units)
    return ngettext(
        "%(n)s character that makes the text cost more",
        "%(n)s characters, with accents or signs that make the text cost more",
        found.units,
    )
