"""Find answers by words that may be misspelt, and keep what was searched for in vain."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core.kept_results import KeptResults
from notify.core.settings import settings
from notify.models import Answer
from notify.service311.answers import store, words
from notify.service311.answers.words import CONFIGS, Match

MOST = 10  # answers of one search
OFTEN = 3  # fewer searches in vain are not listed: somebody may have typed a name
MOST_A_DAY = 1_000  # different searches in vain that are kept of one day
KEPT = timedelta(days=90)
LONGEST = 100  # characters that are kept of a search in vain

_vocabulary: KeptResults[tuple[str, str], frozenset[str]] = KeptResults(most=8)  # by language and version


class Found(NamedTuple):
    """`answers`: the best first. `best`: the one that is good enough to be sent, if there is one."""

    answers: Sequence[Answer]
    best: Answer | None


class InVain(NamedTuple):
    words: str
    language: str
    times: int


def find(s: Session, asked: str, language: str, now: datetime, *, keep: bool = True) -> Found:
    """Return the answers in force that have words of a question. `keep`: note the words of one that finds nothing."""
    config = CONFIGS.get(language, "simple")
    said = words.mended(words.words_of(asked), _known(s, language, now))
    stems = _stems(s, config, said)
    matches = _matches(s, language, stems, now) if stems else []
    if not matches:
        if keep and stems:
            _note(s, config, said, language, now)
        return Found([], None)
    there = {one.number: one for one in store.in_force(s, language, now)}
    strong = words.strong(matches)
    found = [there[one.number] for one in matches if one.number in there][:MOST]
    return Found(found, there.get(strong.number) if strong is not None else None)


def in_vain(s: Session, most: int = 100) -> Sequence[InVain]:
    """Return what was searched for OFTEN and more without an answer, the most frequent first."""
    rows = s.execute(
        text("""SELECT words, language, sum(count) AS times FROM answer_searches
                 GROUP BY 1, 2 HAVING sum(count) >= :often ORDER BY 3 DESC, 1 LIMIT :most"""),
        {"most": most, "often": OFTEN},
    )
    return [InVain(row.words, row.language, row.times) for row in rows]


def forget_old(s: Session, now: datetime) -> None:
    old = (now - KEPT).astimezone(settings().tz).date()
    s.execute(text("DELETE FROM answer_searches WHERE day < :old"), {"old": old})


def _known(s: Session, language: str, now: datetime) -> frozenset[str]:
    """Return the words of the answers in force, read anew when one of them changes, begins or ends."""
    version: str = s.execute(
        text(f"""SELECT coalesce(md5(string_agg(concat_ws(' ', number, version, question), '|' ORDER BY number)), '')
                  FROM answers
                 WHERE language = :language AND valid_from <= :now AND (valid_until IS NULL OR valid_until > :now)
                   AND {store.IS_TOLD}"""),  # noqa: S608
        {"language": language, "now": now},
    ).scalar_one()

    def read() -> frozenset[str]:
        each = store.in_force(s, language, now)
        said = (f"{one.question} {one.keywords} {one.answer} {one.short}" for one in each)
        return frozenset(word for one in said for word in words.words_of(one, most=None))

    return _vocabulary.get((language, version), read)


def _stems(s: Session, config: str, said: Sequence[str]) -> list[str]:
    """Return the stems of words, without those of no meaning ("the", "el")."""
    found = s.execute(
        text("SELECT tsvector_to_array(to_tsvector(CAST(:config AS regconfig), :said))"),
        {"config": config, "said": " ".join(said)},
    ).scalar_one()
    return list(found)


def _matches(s: Session, language: str, stems: Sequence[str], now: datetime) -> list[Match]:
    """Return the answers with any of the stems: those with most of their weight first, then those that say them in
    their question."""
    rows = s.execute(
        text(f"""SELECT number, tsvector_to_array(search) AS has,
                       tsvector_to_array(ts_filter(search, '{{a}}')) AS asks,
                       ts_rank(search, CAST(:query AS tsquery), 1) AS rank
                  FROM answers
                 WHERE language = :language AND valid_from <= :now AND (valid_until IS NULL OR valid_until > :now)
                   AND search @@ CAST(:query AS tsquery) AND {store.IS_TOLD}"""),  # noqa: S608
        {"language": language, "now": now, "query": " | ".join(f"'{one}'" for one in stems)},
    ).all()
    total: int = s.execute(
        text("SELECT count(*) FROM answers WHERE language = :language"), {"language": language}
    ).scalar_one()
    weights = words.weights(stems, {one: sum(one in row.has for row in rows) for one in stems}, total)
    found = []
    for row in rows:
        share = sum(weights[one] for one in stems if one in row.has) / sum(weights.values())
        asks = sum(weights[one] for one in stems if one in row.asks) / sum(weights.values())
        found.append(Match(row.number, share, share + asks + row.rank, any(one in row.asks for one in stems)))
    return sorted(found, key=lambda one: (-one.rank, one.number))


def _note(s: Session, config: str, said: Sequence[str], language: str, now: datetime) -> None:
    """Count a search in vain: the words that mean something, in the order of the alphabet."""
    meant = s.scalars(
        text("""SELECT DISTINCT w FROM unnest(CAST(:said AS text[])) w
                 WHERE length(w) > 2 AND to_tsvector(CAST(:config AS regconfig), w) <> '' ORDER BY w"""),
        {"said": list(said), "config": config},
    )
    kept = " ".join(meant)[:LONGEST]
    if kept:
        s.execute(
            text("""INSERT INTO answer_searches (words, language, day, count)
                    SELECT :words, :language, :day, 1
                     WHERE (SELECT count(*) FROM answer_searches WHERE day = :day) < :most
                        ON CONFLICT (words, language, day) DO UPDATE SET count = answer_searches.count + 1"""),
            {"words": kept, "language": language, "day": now.astimezone(settings().tz).date(), "most": MOST_A_DAY},
        )
