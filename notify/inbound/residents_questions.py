"""A question by text message that is no command: the city's answer, if one fits well (docs/311.md).

Cries for help, STOP, START, HELP and words that may mean one of them never come here: they have been read before, and
their meaning is not "other".
"""

from notify.core.settings import settings
from notify.inbound.commands import is_courtesy
from notify.inbound.heard import Heard, Outcome
from notify.service311.answers import search, words

MOST = 300  # characters of an answer that is sent as it is: two or three segments


def answer(heard: Heard) -> Outcome | None:
    """Return the answer that fits clearly better than others; else None. The words of a question that no answer has are
    kept for the editor, without the number."""
    if heard.meaning != "other" or heard.talk.asked or is_courtesy(heard.text) or not heard.text.strip():
        return None
    asks = words.is_question(heard.text)
    found = search.find(heard.s, heard.text, heard.language, heard.now, keep=asks)
    if found.best is None:
        return None
    best = found.best
    said = best.short or best.answer
    if len(said) <= MOST:
        return Outcome("answer", heard.talk, {"answer": said})
    link = f"{settings().public_url}/answers#answer-{best.number}"
    return Outcome("answer_link", heard.talk, {"question": best.question, "link": link})
