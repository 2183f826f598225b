"""How a resident agreed, stopped or came back, and other short words of their data, for the resident to read."""

from collections.abc import Mapping

from notify.core.translation import gettext, gettext_noop
from notify.subscribers import consent, proving, reassigned

_HOWS: Mapping[str, str] = {
    consent.BY_WEB: gettext_noop("a code that you entered on the web"),
    consent.BY_CALL: gettext_noop("a code that you read to us on the phone"),
    consent.BY_JOIN: gettext_noop("your text JOIN"),
    consent.BY_LINK: gettext_noop("the unsubscribe link in an email"),
    consent.BY_UNDO: gettext_noop("Undo, on the page of an unsubscribe link"),
    "their own page on the web": gettext_noop("your own page on the web"),
    "text message": gettext_noop("your text message"),
    "told by the provider": gettext_noop("your phone company or mail provider told us"),
    reassigned.HOW: gettext_noop("the number was reported as somebody else's"),
    "operator": gettext_noop("a member of our staff, when you asked"),
}
_WORDS: Mapping[str, str] = {
    "opt-in": gettext_noop("You agreed"),
    "opt-out": gettext_noop("You stopped messages"),
    "suppressed": gettext_noop("Messages were stopped"),
    "lifted": gettext_noop("Messages were started again"),
    "erased": gettext_noop("Your data was erased"),
    "stop": gettext_noop("Stop the messages"),
    "start": gettext_noop("Start the messages again"),
    "help": gettext_noop("Help"),
    "distress": gettext_noop("A call for help in danger"),
    "doubt": gettext_noop("Perhaps to stop the messages"),
    "other": gettext_noop("Something else"),
    "command": gettext_noop("A command, such as STATUS"),
    "hard-bounce": gettext_noop("a message came back"),
    "complaint": gettext_noop("a message was marked as spam"),
    "reassigned": gettext_noop("the number was reported as somebody else's"),
    proving.PASSED_ON: gettext_noop("somebody else has proved that it is theirs"),
    "invalid": gettext_noop("there is no such phone or email"),
}


def how_said(how: str) -> str:
    """Return how something was done, in the reader's language; what staff or an import wrote stands as it is."""
    return gettext(_HOWS[how]) if how in _HOWS else how


def said(word: str) -> str:
    """Return a kind of entry, a meaning or a reason in the reader's language."""
    return gettext(_WORDS[word]) if word in _WORDS else word
