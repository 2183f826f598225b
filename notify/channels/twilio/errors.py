"""The meaning of Twilio's error codes, as data.

The list is at https://www.twilio.com/docs/api/errors. Codes from 20000 to 21999 come in the answer to a request, those
from 30000 and 63000 in a status callback, after the message was accepted.
"""

from typing import NamedTuple

from notify.channels.contract import Blame, Suppress


class Verdict(NamedTuple):
    """As in SendError: whether a later try may succeed, who is at fault, and why not to use the address again."""

    retryable: bool
    blame: Blame
    suppress: Suppress = ""


PASSING = Verdict(True, "provider")
OURS = Verdict(False, "us")
BLOCKED = Verdict(False, "recipient", "carrier-block")
OPTED_OUT = Verdict(False, "recipient", "opt-out")
NO_PHONE = Verdict(False, "recipient", "invalid")
FILTERED = Verdict(False, "filter")
THIS_MESSAGE = Verdict(False, "recipient")  # it cannot reach this phone now; a later one may

# A code that is not listed. This message is lost, but the resident must still get later alerts, and the sender must not
# stop for everybody else.
UNKNOWN = Verdict(False, "provider")

VERDICTS = {
    # The recipient.
    "21211": NO_PHONE,  # invalid To
    "21217": NO_PHONE,  # no valid phone number
    "21265": NO_PHONE,  # To is a short code
    "21604": NO_PHONE,  # To is missing
    "21610": BLOCKED,  # replied STOP to this sender
    "21612": THIS_MESSAGE,  # no route from this sender to this number
    "21614": NO_PHONE,  # not a mobile number
    "21635": NO_PHONE,  # a landline
    "30004": THIS_MESSAGE,  # blocked: by the person, the handset or the carrier, and it may be about this text only
    "30005": NO_PHONE,  # unknown handset
    "30006": NO_PHONE,  # landline or unreachable carrier
    "63024": NO_PHONE,  # invalid recipient of a channel
    "63033": OPTED_OUT,  # the person blocked us on the channel
    # We, our account or our sender: every further message would fail, too.
    "20003": OURS,  # wrong credentials
    "20008": OURS,  # test credentials
    "20404": OURS,  # no such account
    "21212": OURS,  # invalid From
    "21408": OURS,  # this region is not allowed in the account
    "21601": OURS,  # From cannot send SMS
    "21602": OURS,  # no body
    "21603": OURS,  # no From
    "21605": OURS,  # body too long
    "21606": OURS,  # From is not ours
    "21608": OURS,  # a trial account
    "21609": OURS,  # bad status callback URL
    "21617": OURS,  # more than 1600 characters
    "21619": OURS,  # no body, no media
    "21659": OURS,  # From is not a number of this country
    "21660": OURS,  # From belongs to another account
    "21703": OURS,  # the Messaging Service has no number
    "21705": OURS,  # no such Messaging Service
    "30002": OURS,  # account suspended
    "30032": OURS,  # toll-free number not verified
    "30034": OURS,  # 10DLC number not registered
    "30035": OURS,  # number not ready at the carriers
    "63007": OURS,  # no such channel sender
    "63016": OURS,  # outside the 24 hours of WhatsApp without a template
    # One is chance, or a number that the carrier distrusts. Many mean that our text or our sender is at fault.
    "30007": FILTERED,  # filtered as spam
    # Passing.
    "20429": PASSING,  # too many requests, not processed
    "20500": PASSING,
    "20503": PASSING,
    "21611": PASSING,  # the sender's queue at Twilio is full
    "30001": PASSING,  # the same, found later
    "30003": PASSING,  # switched off or out of reach: the person is still there
    "30008": PASSING,  # unknown
    "30017": PASSING,  # the carrier is congested
    "30022": PASSING,  # over the campaign's rate
    "30023": PASSING,  # T-Mobile's cap of the day
    "30027": PASSING,  # the same
    "30410": PASSING,  # the carrier did not answer
    "63018": PASSING,  # over the channel's rate
}


# With a status of 500 or more, these mean that no message was created. 20500 does not: sending again may send it twice
# (https://www.twilio.com/docs/api/errors/20500).
NOT_TAKEN = frozenset({"20429", "20503", "21611"})


def verdict(code: str) -> Verdict:
    return VERDICTS.get(code, UNKNOWN)
