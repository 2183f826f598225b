"""Read what a resident's text message means, by the rules in `intent.toml`: English, Spanish, and the keywords of
seven other languages.

The FCC lets people revoke by any reasonable means (47 CFR 64.1200(a)(10)): its words count when they stand alone, and
free text counts when a reasonable person would understand it so. A message is judged sentence by sentence. A sentence
asks for a stop if it names our messages or nothing as the thing to stop: "stop the water leak" and "the bus stop is
flooded" do not. A possible cry for help never opts anybody out. If a sentence may or may not be a request, the meaning
is `doubt`: nothing changes, and the reply says how to stop.

Starting again takes the exact word: consent is not guessed.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from notify.inbound.phrases import Phrases, normalized
from notify.inbound.sentences import sentences_of, without_format, without_quotes
from notify.inbound.spelling import Spelling
from notify.inbound.weighing import Kinds, Weights

Meaning = Literal["stop", "start", "help", "distress", "doubt", "other"]

LONGEST = 1_600  # characters to read; the longest message that Twilio delivers
RULES = Path(__file__).with_suffix(".toml")
KINDS = RULES.with_name("kinds.toml")
WEIGHTS = RULES.with_name("weights.toml")

_AGREEING = frozenset({"yes", "si"})
_URGENT = re.compile("!{3}")
_SHOUTED = re.compile(r"\bSTOP\b")


def read_meaning(text: str) -> Meaning:
    """Return what the words mean, as a reasonable person would take them."""
    rules = _rules()
    said, sentences, asked = _said(text, rules)
    whole = " ".join(sentences)
    if rules.is_distress(sentences):
        return "distress"
    asking = " ".join(words for words in sentences if words not in asked or rules.asks.found_in(words))
    meanings = {words: rules.judge(words, asked=words in asked) for words in sentences}
    found = set(meanings.values())
    if "unnamed" in found:
        found.add("stop" if rules.is_about_us(whole) else "unsure")
    if "unsure" in found and not found & {"bare", "stop"}:
        return "doubt"
    if "help" in found and _URGENT.search(said):
        return "distress"
    if "bare" in found and rules.explained(meanings):
        found.add("stop")
    if "stop" in found and all(words in _AGREEING for words, meaning in meanings.items() if meaning == "start"):
        found.discard("start")  # "Yes, but stop texting me" answers a question of ours
    partly = rules.partly.found_in(whole)
    free = not partly and not found & {"keep", "start"} and not rules.near.found_in(whole)
    if found & {"bare", "stop"}:
        return "stop" if free and ("stop" in found or rules.weighs_as_request(asking)) else "doubt"
    if "start" in found and not found - {"start", "courtesy"}:
        return "start"
    if "help" in found:
        return "help"
    if free and rules.weighs_as_request(asking):
        return "stop"
    if (
        "doubt" in found
        or (partly and rules.ends.found_in(whole))
        or ("keep" not in found and (_is_shouted(said, rules) or rules.weighs_like_request(asking)))
    ):
        return "doubt"
    return "other"


def may_ask_for_stop(text: str) -> bool:
    """Return whether words that are in doubt ask for a stop if they are said again: they begin with a verb for it, wish
    for no other messages, and nothing hints at danger or at somebody who is near."""
    rules, whole = _rules(), spoken(text)
    wishes = rules.partly.found_in(whole) or rules.keep.found_in(whole)
    return rules.asked.found_in(whole) and rules.is_calm(whole) and not wishes and not rules.near.found_in(whole)


def spoken(text: str) -> str:
    """Return the resident's own words, `normalized` and with corrected spelling."""
    return " ".join(_said(text, _rules())[1])


def _said(text: str, rules: "_Rules") -> tuple[str, list[str], frozenset[str]]:
    """Return the text without quoted and forwarded parts, its sentences, `normalized`, and which end with "?"."""
    said = rules.own(text)
    parts = [(rules.spelling.mended(normalized(part)), end) for part, end in sentences_of(said)]
    ours = max((n for n, (words, _) in enumerate(parts, 1) if rules.ours.found_in(words)), default=0)
    kept = [(words, end) for words, end in parts[ours:] if words]  # everything before our last words is ours as well
    return said, [words for words, _ in kept], frozenset(words for words, end in kept if "?" in end)


def own_words(text: str) -> str:
    """Return the text without invisible characters and without quoted and forwarded parts."""
    return _rules().own(text)


def is_spanish(text: str) -> bool:
    """Return whether the words are more likely Spanish than English."""
    return _rules().spanish.found_in(normalized(without_format(text[:LONGEST])))


def load_rules() -> None:
    """Compile the rules now (about a second, 10 MB) rather than at the first text, which may be a cry for help."""
    _rules()


@dataclass(frozen=True, slots=True)
class _Rules:
    spelling: Spelling
    ours: Phrases
    forwarded: Phrases
    reaction: Phrases
    safe: Phrases
    missed: Phrases
    cry: Phrases
    cry_alone: Phrases
    keep: Phrases
    complaint: Phrases
    stop_alone: Phrases
    keyword: Phrases
    stop: Phrases
    harmless: Phrases
    calm: Phrases
    message: Phrases
    question: Phrases
    asks: Phrases
    start: Phrases
    help_alone: Phrases
    help: Phrases
    call: Phrases
    service: Phrases
    doubt: Phrases
    doubt_alone: Phrases
    unnamed_alone: Phrases
    unnamed: Phrases
    named: Phrases
    near: Phrases
    partly: Phrases
    ends: Phrases
    asked: Phrases
    told: Phrases
    courtesy: Phrases
    place: Phrases
    spanish: Phrases
    asking: frozenset[str]
    naming: frozenset[str]
    request: Weights
    danger: Weights

    def own(self, text: str) -> str:
        """Return a text without invisible characters and without quoted and forwarded parts."""
        return without_quotes(without_format(text[:LONGEST]), self.forwarded, self.reaction)

    def is_distress(self, sentences: Iterable[str]) -> bool:
        """Return whether they may be a cry for help. That trash was not picked up is none, though it begins with it."""
        sentences = [one for one in sentences if not self.missed.found_in(one)]
        whole = " ".join(sentences)
        said = self.safe.without(whole)
        if self.cry.found_in(said) or any(self.cry_alone.found_in(one) or self.calls(one) for one in sentences):
            return True
        dangerous = all(self.danger.of(words) >= self.danger.enough for words in (whole, said))
        return dangerous and not self.stop_alone.found_in(whole)

    def calls(self, words: str) -> bool:
        """Return whether HELP stands before anything but a matter of this service: "help fire", "help 12 Main St"."""
        rest = self.call.after(words)
        about_us = self.service.found_in(rest) or self.stop_alone.found_in(rest) or self.names_us(rest)
        return bool(rest) and not about_us and not self.help_alone.found_in(words) and not self.help.found_in(words)

    def judge(self, words: str, *, asked: bool = False) -> str:
        """Judge one sentence: a meaning, or `keep` (do not stop), `unsure` (maybe a cry for help), `unnamed` (likewise,
        unless another sentence names our messages), or `courtesy`.

        `asked`: it has a question mark.
        """
        if self.keep.found_in(words) and not self.complaint.found_in(words):
            return "keep"
        if self.start.found_in(words):
            return "start"
        if self.doubt_alone.found_in(words):
            return "unsure"
        alone = self.stop_alone.found_in(words)
        if self.unnamed_alone.found_in(words) or (self.unnamed.found_in(words) and not alone):
            return "unnamed"
        named = self.stop.found_in(words)
        if named and not self.question.found_in(words) and (not asked or self.asks.found_in(words)):
            if self.spelling.may_turn(self.stop.before(words)):
                return "doubt"
            return "stop" if alone or self.names_us(words) else "unnamed"
        if (alone and not self.question.found_in(words)) or self.keyword.found_in(words):
            return "bare"
        if self.courtesy.found_in(words):
            return "courtesy"
        if named:
            return "doubt"
        if self.help_alone.found_in(words) or self.help.found_in(words) or self.call.after(words):
            return "help"
        return "doubt" if self.doubt.found_in(words) else "other"

    def explained(self, meanings: Mapping[str, str]) -> bool:
        """Return whether a bare "stop" among other sentences means our messages: nothing else may be a cry."""
        return all(
            meaning not in {"other", "doubt", "unnamed"} or self.harmless.found_in(words) or self.calm.found_in(words)
            for words, meaning in meanings.items()
        ) or any(meaning == "bare" and self.message.found_in(words) for words, meaning in meanings.items())

    def names_us(self, words: str) -> bool:
        """Return whether the words name our messages or their list, or give a harmless reason for "stop"."""
        harmless = "stop" in words.split() and self.harmless.found_in(words) and self.is_calm(words)
        return (
            harmless or self.request.has_any(self.naming, words) or self.told.found_in(words) or self.is_about_us(words)
        )

    def is_about_us(self, words: str) -> bool:
        """Return whether other words make certain that "take me off" means our list."""
        return self.named.found_in(words) and self.is_calm(words)

    def is_calm(self, words: str) -> bool:
        """Return whether nothing hints at danger."""
        return self.danger.of(words) < self.danger.hint

    def weighs_like_request(self, words: str) -> bool:
        return self.request.of(words) >= self.request.enough

    def weighs_as_request(self, words: str) -> bool:
        """Return whether words that no rule decides ask for a stop and cannot be a cry for help. They are in doubt if
        they have no word that asks, do not name our messages, or deny an unknown word ("do not xstop")."""
        return (
            self.weighs_like_request(words)
            and self.request.has_any(self.asking, words)
            and self.names_us(words)
            and not self.request.denies_strange(words)
            and self.is_calm(words)
            and not self.spelling.looks_turned(words)
        )


@cache
def _rules() -> _Rules:
    written = RULES.read_text(encoding="utf-8")
    read: dict[str, Any] = tomllib.loads(written)
    kinds: dict[str, Any] = tomllib.loads(KINDS.read_text(encoding="utf-8"))
    weights: dict[str, Any] = tomllib.loads(WEIGHTS.read_text(encoding="utf-8"))
    sets = read["sets"]

    def anywhere(section: str, name: str = "anywhere") -> Phrases:
        return Phrases(read[section][name], sets)

    def alone(section: str, *, wide: bool, name: str = "whole") -> Phrases:
        """Return rules for sentences that say nothing else. `wide`: after words of a request such as "I want to"."""
        if wide:
            return Phrases(read[section][name], sets, before="{lead}...", after="{done}")
        return Phrases(read[section][name], sets, before="{polite}...", after="{polite}... {end}")

    spelling = read["spelling"]
    right, turns = spelling["right"], spelling["turns"]
    return _Rules(
        spelling=Spelling(spelling["same"], right.split(), normalized(written).split(), turns.split()),
        ours=anywhere("ours"),
        forwarded=Phrases(read["ours"]["lines"], sets, before="{polite}..."),
        reaction=Phrases(read["ours"]["reactions"], sets, before="{polite}...", after="{end}"),
        safe=anywhere("distress", "safe"),
        missed=Phrases(
            read["distress"]["missed"],
            sets,
            before="{polite}... help/ayuda? me/us/with? {polite}...",
            after="{when}... {polite}... help/ayuda? {polite}... $",
        ),
        cry=Phrases(f"{read['distress']['anywhere']}|{read['distress']['otras']}", sets),
        cry_alone=alone("distress", wide=True),
        keep=anywhere("keep"),
        complaint=anywhere("keep", "complaint"),
        stop_alone=alone("stop", wide=True),
        keyword=alone("stop", wide=False, name="keywords"),
        stop=anywhere("stop"),
        harmless=anywhere("stop", "harmless"),
        calm=alone("stop", wide=False, name="calm"),
        message=Phrases("{message}|{mensaje}|{number}", sets),
        question=Phrases(read["stop"]["question"], sets, before="{polite}..."),
        asks=anywhere("stop", "asks"),
        start=alone("start", wide=False),
        help_alone=alone("help", wide=False),
        help=anywhere("help"),
        call=Phrases(read["help"]["call"], sets, before="{polite}..."),
        service=anywhere("help", "service"),
        doubt=anywhere("doubt"),
        doubt_alone=alone("doubt", wide=False),
        unnamed_alone=alone("doubt", wide=True, name="unnamed"),
        unnamed=anywhere("doubt", "unnamed_anywhere"),
        named=anywhere("doubt", "named"),
        near=anywhere("doubt", "near"),
        partly=anywhere("doubt", "partly"),
        ends=anywhere("doubt", "ends"),
        asked=Phrases(read["doubt"]["asked"], sets, before="{lead}..."),
        told=anywhere("weighed"),
        courtesy=Phrases("{polite}|no|nope|sorry", sets, before="{polite}...", after="{polite}... {end}"),
        place=anywhere("doubt", "places"),
        spanish=anywhere("spanish"),
        asking=frozenset(read["weighed"]["asking"].split()),
        naming=frozenset(read["weighed"]["naming"].split()),
        request=Weights.read(weights["request"], Kinds(kinds["request"])),
        danger=Weights.read(weights["danger"], Kinds(kinds["danger"])),
    )


def _is_shouted(said: str, rules: _Rules) -> bool:
    """Return whether STOP is in capitals, as a keyword, in a text that is not all capitals and names no place."""
    return said != said.upper() and _SHOUTED.search(said) is not None and not rules.place.found_in(normalized(said))
