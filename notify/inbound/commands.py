"""Read the commands of residents: JOIN, STATUS, AM I ON, MUTE 7, a topic by its name and the like (`commands.toml`).

A command stands alone, but for courtesy, emoji, quoted words and a signature. What says more is no command: it may be a
cry for help or a request to stop, which `intent` reads.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from notify.inbound.intent import own_words, read_meaning
from notify.inbound.phrases import normalized
from notify.inbound.reminder_words import ReminderWords
from notify.models import Topic

WORDS = Path(__file__).with_suffix(".toml")
LONGEST = 12  # words of a command, an address excepted
LONGEST_NAME = 5  # words of a zone after JOIN, courtesy included
FORGIVEN_FROM = 4  # letters of a word in which one may be wrong

_SIGNATURE = re.compile(
    r"^\s*(?:--|__|\u2014|sent (?:from|via)\b|get outlook|enviado (?:desde|con)\b|mandado desde\b"
    r"|(?:thanks|thank you|thx|gracias|saludos|regards|best|cheers)[\s,.!]*$)",
    re.IGNORECASE,
)
_ADDED = re.compile(r"^\s*(?:--|__|sent from\b|get outlook|enviado desde\b)", re.IGNORECASE)
_SOMEBODY_ELSE = re.compile(
    r"\b(?:wrong (?:number|person|phone)|(?:its|it is|this is|thats|that is)? ?not me$|not my (?:number|address)"
    r"|(?:numero|persona|celular) equivocad[oa]|no soy yo|no soy esa persona)\b"
)
_POLITE = re.compile(
    r"^(?:(?:hi|hello|hey|hola|please|pls|plz|ok|okay|por favor|porfa|buenos dias|buenas tardes|buenas noches|buenas"
    r"|good morning|good afternoon|the word|text)\s+)+"
    r"|(?:\s+(?:please|pls|plz|thanks|thank you|thx|ty|por favor|porfa|gracias|now|ahora))+$"
)
_JOIN_AT = re.compile(
    r"^\W*(?:please\s+|hi\W+|hola\W+)?(?:join|jion|joim|joinn|sign\s?up|(?P<es>unirme|inscribirme|registrarme|alta))\b"
    r"(?:\s+(?:at|en|for|con|from|my address is|mi direccion es))?[\s:,;.\u2013-]*(?P<place>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_BELOW_ZERO = re.compile(r"\s[-\u2013\u2212]\d")
_KEEPING = re.compile(
    r"^(?P<stopped>.+?) (?:(?:but|and|pero|y) )?(?:i )?(?:keep|leave|still want|still need|si|deje|dejen) (?P<kept>.+)$"
)
_JUST = re.compile(r"^(?:just|only|solo|solamente|nomas) ")
_THE_REST = frozenset(
    {"the rest", "rest", "the others", "others", "everything else", "el resto", "los demas", "las demas"}
)
_TO_THE_CITY = re.compile(r"^(?:(?:just|only|alerts) )?(?:for|to|in|a|en|para|de) ")
# Without a number behind it, it may begin a sentence: "alta marea", a high tide; "join us", "sign up sheet".
_NOT_A_VERB = re.compile(
    r"^\W*(?:hi\W+|hola\W+|please\s+)?(?:alta|sign\s?up|join\s+(?:us|me|you|my|our|now))\b", re.IGNORECASE
)
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Command:
    """`name`: a key of [commands], or mute, topics, start_topics, stop_topics. `place`: what follows JOIN, if it is not
    the `whole_city`. `days`: of mute, 0 when it is not said; or `weekday`, 0 for Monday, on which it ends.
    `hour`: of remind, as in `reminder_words`. `is_spanish`: its words are Spanish only."""

    name: str
    topics: Sequence[Topic] = ()
    days: int = 0
    weekday: int | None = None
    hour: int = 0
    place: str = ""
    whole_city: bool = False
    is_spanish: bool = False


def read_command(text: str) -> Command | None:
    """Return the command that a text consists of, or None."""
    said = own_text(text)
    words = _POLITE.sub("", normalized(plain(said))).strip()
    known = _words()
    at = _JOIN_AT.match(said)
    if at is not None and (city := known.of_whole_city(at["place"])) is not None:
        return Command("join", whole_city=True, is_spanish=bool(at["es"]) or city)
    if len(words.split()) <= LONGEST:
        muted = None if _BELOW_ZERO.search(said) else known.mute(words)
        found = known.commands.get(words) or muted or known.remind(words) or known.of_topics(words)
        found = found or known.forgiven(words) or known.of_some_topics(words)
        if found is not None:
            return found
    if at is None:
        return None
    place = " ".join(at["place"].split())
    if read_meaning(place) == "stop":  # JOIN STOP
        return None
    is_named = len(place.split()) <= LONGEST_NAME and not _NOT_A_VERB.match(said)
    return Command("join", place=place, is_spanish=bool(at["es"])) if is_named or _DIGIT.search(place) else None


def without_signature(text: str) -> str:
    """Return a text up to what a phone or a person adds to each message: "--", "Sent from my iPhone"."""
    kept: list[str] = []
    for line in text.splitlines():
        if kept and _ADDED.match(line):
            break
        kept.append(line)
    return "\n".join(kept)


def own_text(text: str) -> str:
    """Return what somebody wrote, without quoted parts and the signature; lines are parted by ", "."""
    kept: list[str] = []
    for line in own_words(text).splitlines():
        if _SIGNATURE.match(line) and kept:
            break
        if normalized(plain(line)) and not _SIGNATURE.match(line):
            kept.append(line.strip())
    return ", ".join(kept)


def is_somebody_else(text: str) -> bool:
    """Return whether somebody says that the number is not the one of the person that we mean."""
    return _SOMEBODY_ELSE.search(normalized(plain(own_text(text)))) is not None


def is_whole_city(text: str) -> bool:
    """Return whether an answer to the question for an address names the whole city, or says that there is none."""
    return _words().of_whole_city(own_text(text)) is not None


def is_courtesy(text: str) -> bool:
    """Return whether a text only thanks or says "ok": it needs no answer."""
    if "?" in text:
        return False
    known = _words()
    words = set(normalized(plain(text)).split())
    if not words:
        return bool(text.strip()) and not text.strip(known.courtesy_signs)
    return words <= known.courtesy | known.courtesy_fillers and not words.isdisjoint(known.courtesy)


def plain(text: str) -> str:
    """Return a text without punctuation and emoji."""
    return re.sub(r"[^\w\s'&]", " ", text)


class _Words:
    """The rules of `commands.toml`."""

    def __init__(self, read: Mapping[str, Any]) -> None:
        self.commands = {
            phrase: Command(name, is_spanish=language == "es")
            for language, every in read["commands"].items()
            for name, phrases in every.items()
            for phrase in _phrases(phrases)
        }
        self._topics = {
            phrase: (Topic(name), language == "es")
            for language, every in read["topics"].items()
            for name, phrases in every.items()
            for phrase in _phrases(phrases)
        }
        self._whole_city = {
            phrase: language == "es" for language, every in read["whole_city"].items() for phrase in _phrases(every)
        }
        self.courtesy, self.courtesy_fillers = (frozenset(_phrases(read["courtesy"][k])) for k in ("words", "fillers"))
        self.courtesy_signs: str = read["courtesy"]["signs"]
        about = [phrase for phrase, (topic, _spanish) in self._topics.items() if topic is Topic.COLLECTION]
        self._reminders = ReminderWords({name: _phrases(each) for name, each in read["remind"].items()}, about)
        self._longest_topic = max(len(phrase.split()) for phrase in self._topics)
        self._numbers: Mapping[str, int] = read["mute"]["numbers"]
        self._weekdays = {word: day for day, each in enumerate(read["mute"]["weekdays"]) for word in _phrases(each)}
        words = ("verbs", "verbs_es", "days", "weeks", "months", "years", "fillers", "until", "tomorrow")
        self._mute = {name: frozenset(_phrases(read["mute"][name])) for name in words}
        ends = "|".join([*self._weekdays, *self._mute["tomorrow"]])
        self._until = re.compile(rf"^\w+ (?:{'|'.join(self._mute['until'])}) (?:el |next |this )?(?P<day>{ends})$")
        self._verbs = {name: sorted(_phrases(each), key=len, reverse=True) for name, each in read["of_topics"].items()}
        self._messages = frozenset(self._verbs["messages"])
        self._fillers = frozenset(self._verbs["fillers"])
        self._fillers_of_messages = frozenset(self._verbs["fillers_of_messages"])

    def of_whole_city(self, text: str) -> bool | None:
        """Return whether the whole city is named in Spanish; None if it is not named."""
        words = _POLITE.sub("", normalized(plain(text))).strip()
        return self._whole_city.get(_TO_THE_CITY.sub("", words))

    def remind(self, words: str) -> Command | None:
        asked = self._reminders.read(words)
        if asked is None:
            return None
        return Command("remind_off" if asked.off else "remind", hour=asked.hour, is_spanish=asked.is_spanish)

    def mute(self, words: str) -> Command | None:
        """Read MUTE, or MUTE and a time: in days, weeks, months of 30 days, or years, or until a weekday."""
        first, *rest = words.split() or [""]
        if first not in self._mute["verbs"] | self._mute["verbs_es"]:
            return None
        spanish = first in self._mute["verbs_es"]
        if until := self._until.search(words):
            day = self._weekdays.get(until["day"])
            return Command("mute", days=0 if day is not None else 1, weekday=day, is_spanish=spanish)
        count, unit = 0, 1
        for word in rest:
            short = re.fullmatch(r"(\d{1,3})([dw]?)", word)
            number = int(short[1]) if short else self._numbers.get(word)
            if (short and short[2] == "w") or word in self._mute["weeks"]:
                unit = 7
            elif word in self._mute["months"]:
                unit = 30
            elif word in self._mute["years"]:
                unit = 365
            if number is not None and not count:
                count = number
            elif not any(word in self._mute[kind] for kind in ("days", "weeks", "months", "years", "fillers")):
                return None
        if count == 0 and "0" in words.split():
            return Command("unmute", is_spanish=spanish)
        count = count or (1 if unit > 1 else 0)  # "for the month"
        return Command("mute", days=count * unit, is_spanish=spanish)

    def of_topics(self, words: str) -> Command | None:
        """Read topics, alone or after a word that starts or stops them. The word may stand before each: STOP SNOW STOP
        STORM."""
        for name, verbs, needs_messages, tells in (
            ("stop_topics", "stop_texts", False, True),
            ("stop_topics", "stop_messages", True, False),
            ("stop_topics", "stop", False, False),
            ("start_topics", "start", False, False),
            ("topics", "add", False, False),
            ("topics", "", False, False),
        ):
            said = _JUST.sub("", words) if name == "stop_topics" else words
            rest = self._after(said, verbs) if verbs else said
            found = self._named(rest, needs_messages, tells) if rest else {}
            if found:
                return Command(name, list(found), is_spanish=all(found.values()))
        return None

    def of_some_topics(self, words: str) -> Command | None:
        """Read topics to stop before others to keep: STOP SNOW BUT KEEP STORM."""
        said = _KEEPING.match(words)
        stopped = self.of_topics(said["stopped"]) if said else None
        if said is None or stopped is None or stopped.name != "stop_topics":
            return None
        kept = self.of_topics(said["kept"]) if said["kept"] not in _THE_REST else stopped
        return stopped if kept is not None and (kept is stopped or kept.name == "topics") else None

    def _after(self, words: str, verbs: str) -> str:
        """Return the words after one of these verbs, which may be said again before another topic."""
        verb = next((verb for verb in self._verbs[verbs] if words.startswith(f"{verb} ")), "")
        rest = words[len(verb) + 1 :] if verb else ""
        return re.sub(rf"(?<= ){re.escape(verb)} (?=\S)", "", rest)

    def _named(self, words: str, needs_messages: bool, told: bool) -> dict[Topic, bool]:
        """Return the topics, and whether they are named in Spanish, if nothing but topics and fillers is said."""
        tokens, found, others, at = words.split(), {}, set(), 0
        while at < len(tokens):
            length, topic = self._topic_at(tokens, at)
            at += length
            if topic is not None:
                found[topic[0]] = topic[1]
            elif tokens[at - 1] in self._messages:
                told = True
            elif tokens[at - 1] not in self._fillers:
                others.add(tokens[at - 1])
        fits = others <= (self._fillers_of_messages if told else frozenset()) and (told or not needs_messages)
        return found if fits else {}

    def _topic_at(self, tokens: Sequence[str], at: int) -> tuple[int, tuple[Topic, bool] | None]:
        """Return the longest topic that begins there, and its number of words."""
        for length in range(min(self._longest_topic, len(tokens) - at), 0, -1):
            if topic := self._topics.get(" ".join(tokens[at : at + length])):
                return length, topic
        return 1, next((self._topics[near] for near in _one_letter_off(tokens[at]) if near in self._topics), None)

    def forgiven(self, words: str) -> Command | None:
        """Read a command of one word with a slip of the finger."""
        near = (self.commands[word] for word in _one_letter_off(words) if word in self.commands)
        return next((one for one in near if one.name not in ("yes", "no")), None)


def _one_letter_off(word: str) -> Iterator[str]:
    """Yield the words with two letters swapped, one doubled letter less, or one letter more than in this one, of
    FORGIVEN_FROM letters or more. No letter is replaced or dropped: "show" is not SNOW, and "store" not STORM."""
    if " " in word or len(word) < FORGIVEN_FROM:
        return
    for i in range(len(word) - 1):
        yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]
        if word[i] == word[i + 1] and len(word) > FORGIVEN_FROM:
            yield word[:i] + word[i + 1 :]
    for i in range(1, len(word) + 1):
        for letter in ascii_lowercase:
            yield word[:i] + letter + word[i:]


def _phrases(every: str) -> list[str]:
    return [" ".join(one.split()) for one in every.split("|") if one.strip()]


@cache
def _words() -> _Words:
    return _Words(tomllib.loads(WORDS.read_text(encoding="utf-8")))
