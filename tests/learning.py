"""Learn `weights.toml` from labelled phrases: `python -m tests.learning`.

Logistic regression with an L1 penalty, by proximal gradients with momentum (FISTA, Beck and Teboulle 2009), so
that most weights are nought and left out. The same phrases give the same file.
"""

import random
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np
from numpy.typing import NDArray

from notify.inbound.intent import KINDS, WEIGHTS, spoken
from notify.inbound.weighing import BIAS, Kinds, signs

HERE = Path(__file__).parent / "notify" / "inbound"
LEARNED = {
    "phrases.toml": ("tuned",),
    "phrases_fresh.toml": ("fresh",),
    "phrases_unseen.toml": ("unseen", "last", "third"),
    "phrases_fourth.toml": ("fourth", "tricky"),
    "phrases_sixth.toml": ("sixth_dev", "seventh"),
}
FINAL = {"phrases.toml": ("final",)}  # none of its requests is learned from, in whatever set it stands
PENALTY = 4e-5
STEPS = 400
FAIREST = 0.5  # what a sentence made from a template weighs, where a written one weighs 1
TYPOS = 3  # of each phrase that asks for no stop
SEEN = 2  # times that a word must occur to be known, and
SIGNS_SEEN = 3  # a sign to be weighed
LEARNT = {  # section: meaning, sums that are enough and that are a hint (docs/adr/0021-residents-words.md)
    "request": ("stop", 1.0, 1.0),
    "danger": ("distress", 0.5, -1.0),
}
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Example:
    meaning: str
    words: str
    weight: float = 1.0


def written(files: dict[str, tuple[str, ...]] = LEARNED) -> Iterator[Example]:
    for name, parts in files.items():
        read = tomllib.loads((HERE / name).read_text(encoding="utf-8"))
        for group in (group for part in parts for group in read[part]):
            yield from (Example(group["meaning"], spoken(text)) for text in group["phrases"])


def made(cries: Iterable[str]) -> list[Example]:
    """Sentences from the templates, the same ones every time, and cries for help beside a request."""
    read = tomllib.loads((HERE / "templates.toml").read_text(encoding="utf-8"))
    slots = {name: _parted(options) for name, options in read["slots"].items()}
    chance = random.Random(1)
    strange = iter(f"strange{number}word" for number in range(1_000_000))

    def filled(template: str) -> str:
        while slot := _SLOT.search(template):
            name = slot[1]
            new = next(strange) if name in read["open"] and chance.random() < read["strange"] else None
            options = slots[name]
            template = (
                template[: slot.start()]
                + (new or options[int(chance.random() * len(options))])
                + template[slot.end() :]
            )
        return template

    texts: dict[str, str] = {}
    for meaning, templates in read["sentences"].items():
        for template in _parted(templates):
            for _ in range(read["each"] * len(_SLOT.findall(template)) + 1):
                text = filled(template)
                texts[text] = meaning if texts.get(text, meaning) == meaning else ""
    texts |= {pattern.format(cry): "distress" for cry in cries for pattern in read["beside"] if chance.random() < 0.3}
    return [Example(meaning, spoken(text), FAIREST) for text, meaning in texts.items() if meaning]


def misspelt(known: Iterable[Example]) -> Iterator[Example]:
    """Each with one letter wrong, missing, added or swapped, so that words that are not known do not make a request."""
    chance = random.Random(2)
    for one in known:
        for _ in range(TYPOS if one.meaning != "stop" else 1):
            words, at, letter = one.words, int(chance.random() * len(one.words)), chr(97 + int(chance.random() * 26))
            ways = (
                words[at + 1 :],
                letter + words[at:],
                letter + words[at + 1 :],
                words[at + 1 : at + 2] + words[at : at + 1] + words[at + 2 :],
            )
            yield Example(one.meaning, spoken(words[:at] + ways[int(chance.random() * 4)]), FAIREST)


def examples() -> list[Example]:
    aside = {one.words for one in written(FINAL) if one.meaning == "stop"}
    known = [one for one in written() if one.words not in aside]
    others = [*made(one.words for one in known if one.meaning == "distress"), *misspelt(known)]
    return [*known, *(one for one in others if one.words not in aside)]


def _parted(options: str) -> list[str]:
    return [" ".join(option.split()) for option in options.split("|") if option.strip()]


def learn(examples: Sequence[Example], meaning: str, kinds: Kinds) -> dict[str, float]:
    """The weight of each sign for texts that mean this, and of `BIAS`; rounded to a tenth."""
    counted = Counter(word for one in examples for word in set(one.words.split()))
    known = frozenset(word for word, times in counted.items() if times >= SEEN)
    for _ in range(2):  # the words that got no weight are not known when texts are read
        found = _weighed([signs(one.words, known, kinds) for one in examples], examples, meaning)
        known = frozenset(word for sign in found for word in sign.split())
    return found


def _weighed(rows: Sequence[set[str]], examples: Sequence[Example], meaning: str) -> dict[str, float]:
    times = Counter(sign for row in rows for sign in row)
    names = [BIAS, *sorted(sign for sign, seen in times.items() if seen >= SIGNS_SEEN and sign != BIAS)]
    place = {name: number for number, name in enumerate(names)}
    columns = [sorted(place[sign] for sign in row if sign in place) for row in rows]
    solved = _solved(
        np.concatenate([np.array(column) for column in columns]),
        np.repeat(np.arange(len(rows)), [len(column) for column in columns]),
        np.array([one.meaning == meaning for one in examples], dtype=float),
        np.array([one.weight for one in examples]),
        len(names),
    )
    return {name: weight for name, weight in zip(names, solved.round(1).tolist(), strict=True) if weight}


def _solved(
    column: NDArray[np.int64], row: NDArray[np.int64], truth: NDArray[np.float64], worth: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """The first column is not penalised."""
    step = 64.0 / np.bincount(row).max()  # found to converge; 8 / max is the bound that is proved
    weights = ahead = np.zeros(size)
    momentum = 1.0
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-np.bincount(row, ahead[column], len(truth))))
        slope = np.bincount(column, (worth * (likely - truth))[row], size) / worth.sum()
        moved = ahead - step * slope
        moved[1:] = np.sign(moved[1:]) * np.maximum(np.abs(moved[1:]) - step * PENALTY, 0)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + (momentum - 1) / following * (moved - weights)
        weights, momentum = moved, following
    return weights


def as_toml(name: str, enough: float, hint: float, weights: dict[str, float]) -> str:
    """A section of `weights.toml`: the signs under each weight, the heaviest first."""
    groups: dict[float, list[str]] = {}
    for sign, weight in sorted(weights.items()):
        groups.setdefault(weight, []).append(sign)
    lines = [f"[{name}]", f"enough = {enough}", f"hint = {hint}", "", f"[{name}.weights]"]
    for weight in sorted(groups, reverse=True):
        lines += [f'"{weight}" = """', *wrap(" | ".join(groups[weight]), 118), '"""']
    return "\n".join(lines) + "\n"


HEADER = """\
# Weights of words and their neighbours, for texts that no rule of `intent.toml` decides (`weighing.py`).
# Learned by `python -m tests.learning`; not to be edited by hand.
"""


def document(examples: Sequence[Example]) -> str:
    kinds = tomllib.loads(KINDS.read_text(encoding="utf-8"))
    sections = [
        as_toml(name, enough, hint, learn(examples, meaning, Kinds(kinds[name])))
        for name, (meaning, enough, hint) in LEARNT.items()
    ]
    return "\n".join([HEADER, *sections])


if __name__ == "__main__":
    WEIGHTS.write_text(document(examples()), encoding="utf-8")
