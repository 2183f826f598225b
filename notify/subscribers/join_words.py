"""The words that are sent to somebody who joins, with places for what is secret in them."""

from notify.channels.channel import CHANNELS
from notify.content.compose import UNSUBSCRIBE_URL
from notify.core.settings import settings
from notify.core.texts import worded
from notify.delivery.join_codes import CODE, LINK
from templates import RESIDENTS


def written(about: str, channel: str, language: str, *, further: bool) -> dict[str, str]:
    """Return subject and text of a message. `about`: its section of the words. `further`: it goes to a further phone or
    email of a resident."""
    words = worded(RESIDENTS, language)[about]
    known = settings()
    stop = words.get(f"stop_by_{CHANNELS[channel].leaves_by}", "").format(leave=UNSUBSCRIBE_URL)
    # Whoever presses a link joins on their own device: not for a phone that somebody else says is theirs.
    beside = "" if further else words.get("beside", "")
    given = {"city": known.city, "program": known.program, "mine": f"{known.public_url}/me", "stop": stop}
    given |= {"code": CODE, "link": LINK, "beside": beside.format(link=LINK)}
    text = CHANNELS[channel].written(words["text"].format(**given))
    return {"subject": words["subject"].format(**given), "text": text}
