"""Staff members, what each role may do, and the API keys that programs use in their name."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import get_args

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from notify.accounts import links, sessions
from notify.core import audit, crypto, emails
from notify.core.characters import visible
from notify.core.errors import Invalid, NotAllowed, NotFound, Refused
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.core.vocabulary import word
from notify.models import ApiKey, Operator
from notify.models.operator import Role

ROLES: tuple[str, ...] = get_args(Role)

# What each role may do. An agent (311) posts collection notices and answers callers.
MAY: dict[str, frozenset[str]] = {
    "draft": frozenset({"author", "approver", "admin"}),
    "draft collection": frozenset({"author", "approver", "admin", "agent"}),
    # Collection notices, whose words come from the published calendars, to as many as one person may write to alone.
    "publish collection": frozenset({"author", "approver", "admin", "agent"}),
    "approve": frozenset({"approver", "admin"}),
    "approve alone": frozenset({"author", "approver", "admin"}),  # one's own alert that needs no second person
    "launch": frozenset({"author", "approver", "admin"}),
    "stop": frozenset({"author", "approver", "admin"}),  # pause and cancel
    "count": frozenset({"author", "approver", "admin"}),  # the residents in an area that one draws
    "resolve": frozenset({"author", "approver", "admin"}),  # alarms
    "roster": frozenset({"approver", "admin"}),  # be on duty, hand over, plan shifts
    "break-glass": frozenset({"approver", "admin"}),  # launch an emergency alone
    "words": frozenset({"approver", "admin"}),  # the city's own words for messages
    "note": frozenset({"author", "approver", "admin", "agent"}),  # notes on incidents, and requests to warn
    "collections": frozenset({"agent", "approver", "admin"}),  # holidays, rules, editions of the calendars
    "serve": frozenset({"agent", "admin"}),  # residents who call: find, opt out, lift, erase
    "audit": frozenset({"approver", "admin"}),  # read who did what; an export also needs "administer"
    "administer": frozenset({"admin"}),  # senders, zones, operators, keys
}

# What each is called in the sentence that refuses it.
MAY_NOT: dict[str, str] = {
    "draft": gettext_noop("may not draft alerts"),
    "draft collection": gettext_noop("may not draft collection notices"),
    "publish collection": gettext_noop("may not publish collection notices"),
    "approve": gettext_noop("may not approve alerts"),
    "approve alone": gettext_noop("may not approve alerts"),
    "launch": gettext_noop("may not launch alerts"),
    "stop": gettext_noop("may not stop alerts"),
    "count": gettext_noop("may not see exact numbers of residents"),
    "resolve": gettext_noop("may not resolve alarms"),
    "roster": gettext_noop("may not change the roster"),
    "break-glass": gettext_noop("may not launch an emergency alone"),
    "note": gettext_noop("may not write notes"),
    "collections": gettext_noop("may not change collection days"),
    "serve": gettext_noop("may not serve residents"),
    "audit": gettext_noop("may not read the audit"),
    "words": gettext_noop("may not change the city's words"),
    "administer": gettext_noop("may not administer Tocsin"),
}

# The scopes of keys, which limit them further than the operator's role. One scope covers all drafts, and all approvals.
_SCOPE_OF = {"draft collection": "draft", "approve alone": "approve", "publish collection": "launch"}
SCOPES = ("read", *(act for act in MAY if act not in _SCOPE_OF))
# The operators of the training city, one of each role; `tocsin where` prints the first one's link first.
TRAINING_AUTHOR, TRAINING_APPROVER = "author@tocsin.example.org", "approver@tocsin.example.org"
TRAINING = (TRAINING_APPROVER, TRAINING_AUTHOR, "agent@tocsin.example.org", "admin@tocsin.example.org")


def may(operator: Operator, act: str) -> bool:
    """Whether `require` allows the act."""
    try:
        require(operator, act)
    except NotAllowed:
        return False
    return True


def require(operator: Operator, act: str) -> None:
    """Raise NotAllowed when the operator's role, or the key that acts for the operator, does not permit the act."""
    scope = _SCOPE_OF.get(act, act)
    if operator.key_scopes is not None and scope not in operator.key_scopes:
        raise NotAllowed(
            f"This key {MAY_NOT[act]}: its scopes are {', '.join(sorted(operator.key_scopes))}.",
            hint=f"`tocsin keys add NAME --as EMAIL --scope {scope}` makes one that may.",
        )
    if operator.role not in MAY[act]:
        raise NotAllowed(
            _(
                "%(email)s has the role %(role)s and %(may_not)s.",
                email=operator.email,
                role=word(operator.role),
                may_not=_(MAY_NOT[act]),
            ),
            hint=_("Ask somebody with one of these roles: %(roles)s.", roles=_names(sorted(MAY[act]))),
        )


def require_by(by: Operator | None, act: str) -> None:
    """Raise NotAllowed when `by` may not. None is the owner of the machine, at the command line only: on a training
    stack, and before any admin has a key (`notify/cli/acting.py`)."""
    if by is not None:
        require(by, act)


def add(s: Session, email: str, role: str, now: datetime, by: Operator | None = None) -> Operator:
    """Add a staff member. Raises Invalid for an unknown role, and for an email that is malformed or taken."""
    require_by(by, "administer")
    _require_role(role)
    try:
        kept = emails.read(email).lower()
    except emails.NotAnEmail as error:
        raise Invalid(_("%(email)s cannot be an operator's email: %(error)s", email=repr(email), error=error)) from None
    if (there := s.scalar(select(Operator).where(has_email(email)))) is not None:
        hint = f"`tocsin operators enable {there.email}` lets them in again." if there.disabled_at else ""
        raise Invalid(
            (
                _("%(email)s is already an operator, disabled.", email=there.email)
                if hint
                else _("%(email)s is already an operator.", email=there.email)
            ),
            hint=hint,
        )
    email = kept
    operator = Operator(email=email, role=role, created_at=now)
    s.add(operator)
    s.flush()
    audit.note(s, now=now, by=by, action="add", subject="operator", subject_id=operator.id, role=role)
    return operator


def find(s: Session, email: str) -> Operator:
    """The enabled operator with this email. Raises NotFound."""
    operator = s.scalar(select(Operator).where(has_email(email), Operator.disabled_at.is_(None)))
    if operator is None:
        raise _unknown(email)
    return operator


def has_email(given: str) -> ColumnElement[bool]:
    """Match the stored form of an email, or that of earlier versions, which stored any text in lower case."""
    as_given = given.strip().lower()
    try:
        return Operator.email.in_({emails.read(given).lower(), as_given})
    except emails.NotAnEmail:
        return Operator.email == as_given


def all_operators(s: Session) -> Sequence[Operator]:
    return s.scalars(select(Operator).order_by(Operator.email)).all()


def disable(s: Session, email: str, now: datetime, by: Operator | None = None) -> tuple[Operator, int, int]:
    """Disable an operator: all their keys, sessions and links end.

    Returns the operator, and how many keys and sessions there were.

    Raises NotFound; Refused for the last admin.
    """
    require_by(by, "administer")
    operator = find(s, email)
    _keep_an_admin(s, operator)
    operator.disabled_at = now
    s.flush()  # locks the row, before those of sessions and links
    keys = s.scalars(select(ApiKey).where(ApiKey.operator_id == operator.id, ApiKey.revoked_at.is_(None))).all()
    for key in keys:
        _revoke(s, key, now, by)
    ended = sessions.end_all(s, operator.id, now)
    links.end_all(s, operator.id, now)
    audit.note(s, now=now, by=by, action="disable", subject="operator", subject_id=operator.id)
    return operator, len(keys), ended


def enable(s: Session, email: str, now: datetime, by: Operator | None = None) -> Operator:
    """Enable a disabled operator again. Raises NotFound; Invalid for an operator who is not disabled."""
    require_by(by, "administer")
    operator = s.scalar(select(Operator).where(has_email(email)))
    if operator is None:
        raise _unknown(email)
    if operator.disabled_at is None:
        raise Invalid(_("%(email)s is not disabled.", email=operator.email))
    operator.disabled_at = None
    audit.note(s, now=now, by=by, action="enable", subject="operator", subject_id=operator.id, role=operator.role)
    return operator


def change_role(s: Session, email: str, role: str, now: datetime, by: Operator | None = None) -> Operator:
    """Change a role, from the operator's next act on. Raises NotFound, Invalid; Refused for the last admin."""
    require_by(by, "administer")
    _require_role(role)
    operator = find(s, email)
    if role != "admin":
        _keep_an_admin(s, operator)
    before, operator.role = operator.role, role  # type: ignore[assignment]  # checked above
    audit.note(s, now=now, by=by, action="role", subject="operator", subject_id=operator.id, before=before, role=role)
    return operator


def an_admin_has_a_key(s: Session) -> bool:
    """Whether any admin has a key to act with."""
    keys = select(ApiKey.id).join(Operator, Operator.id == ApiKey.operator_id)
    living = keys.where(Operator.role == "admin", Operator.disabled_at.is_(None), ApiKey.revoked_at.is_(None))
    return s.scalar(living.limit(1)) is not None


def _keep_an_admin(s: Session, leaving: Operator) -> None:
    """Raise Refused when no other admin is left. The rows are locked, so that two admins cannot remove each other."""
    admins = select(Operator.id).where(Operator.role == "admin", Operator.disabled_at.is_(None)).order_by(Operator.id)
    if set(s.scalars(admins.with_for_update())) == {leaving.id}:
        raise Refused(
            _("%(email)s is the last admin.", email=leaving.email), hint=_("Make somebody else an admin first.")
        )


def _names(roles: Iterable[str]) -> str:
    return ", ".join(word(role) for role in roles)


def _require_role(role: str) -> None:
    if role not in ROLES:
        raise Invalid(
            _("There is no role %(role)s.", role=repr(role)), hint=_("Roles are: %(roles)s.", roles=_names(ROLES))
        )


def _unknown(email: str) -> NotFound:
    return NotFound(
        _("There is no operator %(email)s.", email=email), hint="`tocsin operators add EMAIL --role ROLE` adds one."
    )


def add_key(
    s: Session,
    name: str,
    now: datetime,
    acts_for: Operator | None = None,
    scopes: Sequence[str] = (),
    *,
    by: Operator | None = None,
) -> str:
    """Make an API key and return its secret, which is not stored. Without an operator to act for, it may only read.

    `scopes`: the SCOPES that it is limited to; none: all that the operator may do. Raises Invalid.
    """
    require_by(by, "administer")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise Invalid(f"There is no scope {unknown[0]!r}.", hint=f"Scopes are: {', '.join(SCOPES)}.")
    if acts_for is None and set(scopes) - {"read"}:
        raise Invalid("A key that acts for nobody may only read.", hint="Name the operator it acts for: --as EMAIL.")
    name = visible(name)
    if not name:
        raise Invalid("A key needs a name.")
    if s.scalar(select(ApiKey.id).where(ApiKey.name == name, ApiKey.revoked_at.is_(None))) is not None:
        raise Invalid(f"There is already a key named {name!r}.", hint="Choose another name, or revoke that one.")
    secret = f"tocsin_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        name=name,
        key_hash=crypto.hash_key(secret),
        operator_id=acts_for.id if acts_for else None,
        scopes=sorted(set(scopes)) or None,
        created_at=now,
    )
    s.add(key)
    s.flush()
    audit.note(
        s, now=now, by=by, action="add", subject="api_key", subject_id=key.id, name=name, acts_for=key.operator_id
    )
    return secret


def find_key(s: Session, secret: str) -> ApiKey | None:
    """The key with this secret, unless it is revoked."""
    return s.scalar(select(ApiKey).where(ApiKey.key_hash == crypto.hash_key(secret), ApiKey.revoked_at.is_(None)))


def of_key(s: Session, key: ApiKey) -> Operator | None:
    """The operator that a key acts for."""
    return s.get(Operator, key.operator_id) if key.operator_id is not None else None


def revoke_key(s: Session, name: str, now: datetime, by: Operator | None = None) -> None:
    """Revoke the active key of this name. Raises NotFound."""
    require_by(by, "administer")
    key = s.scalar(select(ApiKey).where(ApiKey.name == visible(name), ApiKey.revoked_at.is_(None)))
    if key is None:
        raise NotFound(f"There is no active key named {name!r}.", hint="`tocsin keys list` shows them.")
    _revoke(s, key, now, by)


def _revoke(s: Session, key: ApiKey, now: datetime, by: Operator | None) -> None:
    key.revoked_at = now
    audit.note(s, now=now, by=by, action="revoke", subject="api_key", subject_id=key.id, name=key.name)


def all_keys(s: Session) -> Sequence[ApiKey]:
    return s.scalars(select(ApiKey).order_by(ApiKey.name, ApiKey.id)).all()
