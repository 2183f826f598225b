"""The meaning of the errors of a Personal Data Server, as data.

An error is a status and `{"error": name, "message": ...}` (https://atproto.com/specs/xrpc#error-responses). The names
are those of the lexicons and of the reference server (bluesky-social/atproto, packages/pds).
"""

import re
from typing import NamedTuple

from notify.channels.contract import Ambiguous, Blame, SendError
from notify.channels.exchange import LATER_S, document, read_moment, refusal, retry_after_s
from notify.channels.http.client import Answer


class Verdict(NamedTuple):
    """As in SendError: whether a later try may succeed, and who is at fault."""

    retryable: bool
    blame: Blame


PASSING = Verdict(True, "provider")
OURS = Verdict(False, "us")

# With a status of 400 to 499: nothing was written. Other names are like OURS: every further post would fail, too.
VERDICTS = {
    # The account or its password.
    "AuthenticationRequired": OURS,  # wrong handle or app password
    "AuthFactorTokenRequired": OURS,  # not an app password: the account's own one needs a code sent by email
    "AccountTakedown": OURS,
    "AccountDeactivated": OURS,
    "RepoTakendown": OURS,
    "RepoSuspended": OURS,
    "RepoDeactivated": OURS,
    # The post.
    "InvalidRequest": OURS,  # it breaks its lexicon: too long, or not a valid key
    # The session: the next try begins with a new one.
    "ExpiredToken": PASSING,
    "InvalidToken": PASSING,
    # Others write to the same repository.
    "ConcurrentWrites": PASSING,
    "InvalidSwap": PASSING,
    # 5,000 points an hour and 35,000 a day, 3 a post; 300 sessions a day: https://docs.bsky.app/docs/advanced-guides/rate-limits
    "RateLimitExceeded": PASSING,
}
STALE = frozenset({"ExpiredToken", "InvalidToken"})


def error_of(answer: Answer) -> str:
    """Return the server's name for the error, or "" if it gives none."""
    name = document(answer).get("error")
    return name if isinstance(name, str) and re.fullmatch(r"[A-Za-z]{1,60}", name) else ""


def is_stale(answer: Answer) -> bool:
    """Return whether the access token has expired or is not valid."""
    return answer.status in {400, 401} and error_of(answer) in STALE


def not_found(answer: Answer) -> bool:
    """Return whether the server says that it has no such record. Older servers have no error name for that."""
    said = document(answer).get("message")
    unnamed = error_of(answer) == "InvalidRequest" and str(said).startswith("Could not locate record")
    return answer.status == 400 and (unnamed or error_of(answer) == "RecordNotFound")


def refused(answer: Answer) -> SendError | Ambiguous:
    """Return the error for an answer other than success.

    A server also answers 500 if it has a record with this key (bluesky-social/atproto, issue 3718). That record is our
    own post, so the outcome is unknown until the record is asked for. Pull request 4728 proposes a name for this error,
    which ends in "Exists".
    """
    name = error_of(answer)
    if name.endswith("Exists"):
        return Ambiguous(name)
    if answer.status == 429:
        return SendError(name or "http-429", retryable=True, blame="provider", retry_after_s=_later_s(answer))
    if 400 <= answer.status < 500 and name in VERDICTS:
        verdict = VERDICTS[name]
        return SendError(name, retryable=verdict.retryable, blame=verdict.blame)
    return refusal(answer, name)


def nothing_written(answer: Answer) -> SendError:
    """Return the error for a request that writes no post: it has certainly failed."""
    error = refused(answer)
    return error if isinstance(error, SendError) else SendError(error.code, retryable=True, blame="provider")


def _later_s(answer: Answer) -> float:
    """Return the seconds to wait, from Retry-After, or from RateLimit-Reset (epoch seconds) on the server's clock."""
    stated = retry_after_s(answer.headers)
    if stated is not None:
        return stated
    until = read_moment(answer.headers.get("RateLimit-Reset", ""))
    now = read_moment(answer.headers.get("Date", ""))
    return LATER_S if until is None or now is None else max(LATER_S, (until - now).total_seconds())
