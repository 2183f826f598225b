"""Join by a phone or email and a place, without a password: a code that is sent there proves whose it is.

The same code opens the page of a resident who is known already, so whoever asks learns nothing about who is signed up.
Nothing of a known resident changes before the code was entered. An opt-out ends when the same resident joins again and
enters the code; to a phone that sent STOP no code is sent, because carriers block it: START ends that.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from notify.channels.channel import EMAIL, SMS
from notify.core import crypto, db, keyring, one_time_codes
from notify.core.errors import Invalid, NotFound, Refused, Unavailable
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.delivery import sender_pool
from notify.delivery.join_codes import whose
from notify.models import DirectMessage, Joining
from notify.subscribers import addresses, code_limits, consent, enrolling, import_lock, join_words, pressed_twice
from notify.subscribers.enrolling import Applicant, Joined
from notify.subscribers.wishes import NOWHERE, Wish

OPEN_FOR = timedelta(hours=1)
FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A joining for which a code was sent. `joins`: and not only to see their page; `adds`: a further phone or email of
    a resident. `place`: that which was asked for, "" without one; `language`: of the message."""

    channel: str
    masked: str
    joins: bool
    adds: bool = False
    place: str = ""
    language: str = "en"


class NotTheirs(Refused):
    """The code is right, but the contact may have a new owner since its resident was last heard of."""


def parse(contact: str) -> tuple[str, str]:
    """Return the channel of a phone or email, and its canonical form. Raises Invalid, without the address."""
    channel = EMAIL if "@" in contact else SMS
    try:
        return channel.name, channel.address.kept(contact.strip())
    except ValueError:
        raise Invalid(
            _("This is neither a phone number nor an email."),
            hint=_("Write all ten digits of the number, or an email such as name@example.org."),
        ) from None


def begin(
    s: Session,
    contact: str,
    wish: Wish | None,
    *,
    language: str,
    words: str,
    network: str,
    now: datetime,
    adds_to: int | None = None,
    erases: bool = False,
    by_call: bool = False,
    once: str = "",
) -> str:
    """Send a code to a phone or email, and return the token of the page that asks for it.

    `words`: what was shown and agreed to. `network`: where the request comes from. `adds_to`: the resident whose
    further phone or email it is to become. `erases`: the code erases the resident, and its message says so. `by_call`:
    staff asked for it, and its message says that it is read to them. `once`: what the form came with, by
    `pressed_twice.form_token`; if it comes again as it was, nothing is sent.

    Raises Invalid for an address that is malformed, TooManyTries, and Unavailable when nothing can be sent on its
    channel. The answer is the same whether the address is known or not, and whether a code is really sent.
    """
    channel, address = parse(contact)
    form = [channel, address, asdict(wish) if wish else None, language, adds_to, erases]
    token, is_begun = pressed_twice.token_for(s, once, form, now)
    if is_begun:
        return token
    signs_in = wish is None and adds_to is None
    may_send = code_limits.may_send(s, channel, address, network, now, signs_in=signs_in)
    require_sender(channel)
    about = "call-code" if by_call else _kind_of_code(erases)
    db.raw(s).execute(
        _BEGIN,
        {
            "token": crypto.hash_key(token),
            "channel": channel,
            "address": crypto.seal(address, channel),
            "index": addresses.index(channel, address),
            "wish": crypto.seal(json.dumps(asdict(wish)), channel) if wish else None,
            "language": language,
            "words": words,
            "now": now,
            "ends": now + one_time_codes.LIVES,
            "adds_to": adds_to,
            "erases": erases,
            "sends": may_send,
            **join_words.written(about, channel, language, further=adds_to is not None),
        },
    )
    return token


# One statement, because in an emergency a hundred join in a second.
_BEGIN = """
    WITH joining AS (
        INSERT INTO joinings (token_hash, channel, address_sealed, address_index, wish_sealed, language, words,
                              made_at, code_ends_at, adds_to, erases)
        VALUES (%(token)s, %(channel)s, %(address)s, %(index)s, %(wish)s, %(language)s, %(words)s,
                %(now)s, %(ends)s, %(adds_to)s, %(erases)s)
        ON CONFLICT (token_hash) DO NOTHING -- the second press of a double click, while the first is answered
        RETURNING id)
    INSERT INTO direct_messages (kind, joining_id, step, channel, state, made_at, subject, text)
    SELECT 'join-code', id, 1, %(channel)s, 'waiting', %(now)s, %(subject)s, %(text)s FROM joining WHERE %(sends)s
"""


def send_again(s: Session, token: str, network: str, now: datetime) -> None:
    """Send a new code; the one before ends. While one waits to be sent, that is the new one. Raises as `begin`, and
    NotFound for a joining that is over."""
    joining = _open(s, token, now, lock=True)
    if pressed_twice.is_code_waiting(s, joining):
        return
    address = crypto.unseal(joining.address_sealed, joining.channel)
    may_send = code_limits.may_send(s, joining.channel, address, network, now, signs_in=_signs_in(joining))
    joining.code_hash, joining.link_hash, joining.code_ends_at = None, None, now + one_time_codes.LIVES
    if may_send:
        _say(s, joining, "join-code", now)


def waiting(s: Session, token: str, now: datetime) -> Waiting:
    """Return what the page of a joining shows. Raises NotFound when it is over."""
    return _waiting(_open(s, token, now))


def waiting_by_link(s: Session, link: str, now: datetime) -> Waiting:
    """Return what the page of a link shows, which was sent beside a code. It changes nothing: mail programs and
    scanners open links by themselves. Raises NotFound when it is over."""
    return _waiting(_by_link(s, link, now))


def _waiting(joining: Joining) -> Waiting:
    address, wish = crypto.unseal(joining.address_sealed, joining.channel), _wish(joining)
    return Waiting(
        joining.channel,
        addresses.masked(joining.channel, address),
        wish is not None,
        joining.adds_to is not None,
        _("only the whole city") if wish == NOWHERE else (wish.address or wish.label) if wish else "",
        joining.language,
    )


def confirm(s: Session, token: str, code: str, now: datetime, *, how: str = consent.BY_WEB) -> Joined:
    """Enter the code: the contact is verified, and what was asked for is stored. The second press of a double click
    changes nothing, and is answered like the first. `how`: where it was entered, kept with the consent.

    Raises NotFound when the joining is over, and Refused for a wrong or old code, which the caller must commit: it
    counts.
    """
    try:
        joining = _open(s, token, now)
        if _is_usable(joining, now) and _is_right(joining, code):
            _take_lock(s, joining)  # before the row: an erasure takes them in this order, too
        joining = _open(s, token, now, lock=True)
    except NotFound:
        if done := pressed_twice.just_done(s, token, code, now):
            return done
        raise
    if not _is_usable(joining, now):
        raise Refused(_("This code is no longer valid."), hint=_("Ask for a new one below."))
    if not _is_right(joining, code):
        joining.code_tries += 1
        raise Refused(_("This is not the code that was sent."), hint=_("Enter the six digits of the newest message."))
    return _proved(s, joining, now, how)


def confirm_by_link(s: Session, link: str, now: datetime) -> Joined:
    """Do what `confirm` does, for who has pressed the button on the page of the link. It is good once, as long as the
    code beside it. Raises NotFound when it is over, and Refused."""
    _take_lock(s, _by_link(s, link, now))
    joining = _by_link(s, link, now, lock=True)
    joined = _proved(s, joining, now, consent.BY_WEB)
    joining.code_hash = None  # the page that asks for the code opens nothing any more
    return joined


def _is_usable(joining: Joining, now: datetime) -> bool:
    return joining.code_hash is not None and joining.code_ends_at > now and joining.code_tries < one_time_codes.TRIES


def _is_right(joining: Joining, code: str) -> bool:
    return joining.code_hash is not None and one_time_codes.is_right(joining.code_hash, whose(joining.id), code)


def _take_lock(s: Session, joining: Joining) -> None:
    """Wait for imports and changes of residents. Others who enter their codes go on beside who is new or only signs in;
    everybody waits for who may move a contact from one resident to another, or erases one."""
    if joining.adds_to is None and not joining.erases:
        address = crypto.unseal(joining.address_sealed, joining.channel)
        with s.begin_nested() as point:
            import_lock.share(s, joining.channel, address)
            if joining.wish_sealed is None or not enrolling.is_stored(s, joining.channel, address):
                return
            point.rollback()
    import_lock.take(s)


def _proved(s: Session, joining: Joining, now: datetime, how: str) -> Joined:
    """Store what was asked for. The caller has taken the lock and the joining, in this order."""
    keyring.hold(s)
    wish = _wish(joining)
    address = crypto.unseal(joining.address_sealed, joining.channel)
    who = Applicant(joining.channel, address, joining.language, joining.words, how)
    if joining.adds_to is not None:
        joined = enrolling.add_contact(s, who, joining.adds_to, now)
    else:
        joined = _signed_in(s, who, now) if wish is None else enrolling.enrol(s, who, wish, now)
    joining.ended_at, joining.contact_id, joining.link_hash = now, joined.contact_id, None
    consent.note_alive(s, joining.channel, addresses.index(joining.channel, address), how=how, now=now)
    if wish is not None:
        _say(s, joining, "welcome", now)
    return joined


def _signed_in(s: Session, who: Applicant, now: datetime) -> Joined:
    contact = enrolling.known(s, who, None, now)
    if contact is None:
        raise NotTheirs(
            _("Nobody is signed up with this phone or email, or we have not heard from it for a while."),
            hint=_(
                "Join with your address. If you had joined before, use an address from then, and all that you chose"
                " comes back."
            ),
        )
    assert contact.subscriber_id is not None  # noqa: S101  only timelines have none
    return Joined(contact.subscriber_id, contact.id, is_new=False)


def forget_old(s: Session, now: datetime) -> None:
    s.execute(delete(Joining).where(Joining.made_at < now - FORGOTTEN_AFTER))


def _signs_in(joining: Joining) -> bool:
    return joining.wish_sealed is None and joining.adds_to is None


def _wish(joining: Joining) -> Wish | None:
    return Wish(**json.loads(crypto.unseal(joining.wish_sealed, joining.channel))) if joining.wish_sealed else None


def _by_link(s: Session, link: str, now: datetime, *, lock: bool = False) -> Joining:
    asked = select(Joining).where(
        Joining.link_hash == crypto.hash_key(link), Joining.ended_at.is_(None), Joining.code_ends_at > now
    )
    found = s.scalar(_locked(asked) if lock else asked)
    if found is None:
        raise NotFound(_("This link is over."), hint=_("Begin again on the page where one joins."))
    return found


def _locked(asked: Select[Joining]) -> Select[Joining]:
    """Lock what is found, and read it anew: it may have changed since it was read without a lock."""
    return asked.with_for_update().execution_options(populate_existing=True)


def _open(s: Session, token: str, now: datetime, *, lock: bool = False) -> Joining:
    asked = select(Joining).where(
        Joining.token_hash == crypto.hash_key(token), Joining.ended_at.is_(None), Joining.made_at > now - OPEN_FOR
    )
    found = s.scalar(_locked(asked) if lock else asked)
    if found is None:
        raise NotFound(_("This page is over."), hint=_("Begin again on the page where one joins."))
    return found


def require_sender(channel: str) -> None:
    """Raise Unavailable when nothing can be sent on a channel."""
    if not sender_pool.open_senders(channel):
        raise Unavailable(
            _("We cannot send a code on this way just now."),
            hint=_("Try again later, or call %(help)s to be signed up.", help=settings().help_contact),
        )


def erases(s: Session, token: str, now: datetime) -> bool:
    """Return whether the code of a joining was sent to erase the resident. Raises NotFound when it is over."""
    return _open(s, token, now).erases


def _kind_of_code(erases: bool) -> str:
    return "erase-code" if erases else "join-code"


def _say(s: Session, joining: Joining, kind: Literal["join-code", "welcome"], now: datetime) -> None:
    about = _kind_of_code(joining.erases) if kind == "join-code" else kind
    written = join_words.written(about, joining.channel, joining.language, further=joining.adds_to is not None)
    s.add(
        DirectMessage(
            kind=kind, joining_id=joining.id, step=1, channel=joining.channel, state="waiting", made_at=now, reason="",
            reference="", cost=0, **written,
        )
    )  # fmt: skip
