"""Every code that we judge has a sentence that a person understands."""

import pytest

from notify.channels.sendgrid.receipts import DROPPED, GONE, OUR_DROPS
from notify.channels.twilio.errors import VERDICTS
from notify.core import reasons
from notify.delivery.receipts import GUESSES

OURS = {
    "unverified",
    "not-subscribed",
    "muted",
    "erased",
    "exercise",
    "cancelled",
    "expired",
    "lost",
    "sent-again",
    "dropped",
}
SUPPRESSED = {"carrier-block", "opt-out", "hard-bounce", "complaint", "invalid"}
OF_DROPS = {reason.replace(" ", "-") for reason in DROPPED} | {code for code, _ in OUR_DROPS.values()}


def test_every_reason_that_we_know_has_a_sentence() -> None:
    known = {
        *VERDICTS,
        *GONE,
        *GUESSES,
        *OURS,
        *SUPPRESSED,
        *OF_DROPS,
        "worker-lost",
        "not-recorded",
        "not-taken",
        "repeated",
    }
    assert known - set(reasons.sentences()) == set()


def test_sentences_are_short_and_no_jargon() -> None:
    for reason, said in reasons.sentences().items():
        assert 2 <= len(said.split()) <= 18 or reason in OURS | SUPPRESSED, reason
        assert not said.endswith("."), reason


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("30003", "30003: the phone is off or out of reach"),
        ("5.2.2", "5.2.2: the mailbox is full"),
        ("opt-out", "opted out"),
        ("39999", "39999"),
        ("odd-thing", "odd thing"),
    ],
)
def test_a_code_stays_beside_its_sentence(reason: str, said: str) -> None:
    assert reasons.sentence(reason) == said
