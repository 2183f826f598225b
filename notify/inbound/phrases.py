"""Phrase rules: short patterns of plain words, kept as data and compiled to bounded regular expressions.

A rule is a sequence of words with these signs:

    stop          the word itself           unsub*        a word that begins so; a lone * is any word
    text/txt      one of them               please?       or nothing
    {messages}    a phrase of that set      {any}...      up to six phrases of that set, or none
    $             the end of the sentence

Nothing repeats without a bound, so the time that a match takes grows with the length of the text and no faster.
"""

import re
import unicodedata
from collections.abc import Mapping

MOST_REPEATS = 6
_APOSTROPHES = "'`\u00b4\u2018\u2019"
# Letters that Unicode does not decompose, as people type them without the keyboard for it.
_FOLDED = str.maketrans({"đ": "d", "ø": "o", "ł": "l", "\u0131": "i"})


# Cyrillic and Greek letters that look like Latin ones, in a word that has some of these, too: "STO\u0420".
_LOOK_ALIKE = str.maketrans("асеорхуіѕјкмтнвοαερτιυκ", "aceopxyisjkmthboaeptiuk")
_MIXED = re.compile(r"[^\W\d_]*[a-z][^\W\d_]*")


class Phrases:
    """Rules that are matched together, compiled once."""

    def __init__(self, rules: str, sets: Mapping[str, str], *, before: str = "", after: str = "") -> None:
        """`before` and `after` are rules around each of them; with `before`, a match begins where the text does.

        Raises KeyError for an unknown set.
        """
        compiler = _Compiler(sets)
        each = "|".join(compiler.rule(rule) for rule in rules.split("|") if rule.strip())
        anchor = "^" if before else r"(?:^|(?<= ))"
        self.pattern = re.compile(f"{anchor}{compiler.rule(before)}(?:{each}){compiler.rule(after)}")

    def found_in(self, words: str) -> bool:
        """Return whether a rule matches anywhere. `words` are `normalized`."""
        return self.pattern.search(f"{words} ") is not None

    def before(self, words: str) -> str:
        """Return the words before the first match."""
        found = self.pattern.search(f"{words} ")
        return words[: found.start()] if found else words

    def after(self, words: str) -> str:
        """Return the words after the first match; "" without any."""
        found = self.pattern.search(f"{words} ")
        return words[found.end() :] if found else ""

    def count_in(self, words: str) -> int:
        """Return the number of matches that do not overlap."""
        return sum(1 for _ in self.pattern.finditer(f"{words} "))

    def without(self, words: str) -> str:
        """Return the words that no rule matches."""
        return " ".join(self.pattern.sub(" ", f"{words} ").split())


class _Compiler:
    def __init__(self, sets: Mapping[str, str]) -> None:
        self._sets = sets

    def rule(self, rule: str) -> str:
        return "".join(self._element(element) for element in rule.split())

    def _element(self, element: str) -> str:
        if element == "$":
            return "$"
        if element.endswith("..."):
            return self._repeated(element[1:-4])
        bare = element.removesuffix("?")
        inside = "|".join(self._alternative(one) for one in bare.split("/"))
        return f"(?:{inside}){'?' if bare != element else ''}"

    def _repeated(self, name: str) -> str:
        return f"(?:{self._set(name)}){{0,{MOST_REPEATS}}}"

    def _alternative(self, one: str) -> str:
        return self._set(one[1:-1]) if one.startswith("{") else _word(one)

    def _set(self, name: str) -> str:
        members = (member.split() for member in self._sets[name].split("|"))
        return "|".join("".join(self._element(word) for word in member) for member in members if member)


def _word(word: str) -> str:
    if word == "*":
        return "[^ ]{1,40} "
    stem = normalized(word.removesuffix("*"))
    return re.escape(stem) + ("[^ ]{0,40} " if word.endswith("*") else " ")


def normalized(text: str) -> str:
    """Lower-case words of letters and digits, without accents and apostrophes: "Don't STOP!" -> "dont stop".

    Three or more of a letter are one ("stooop"), and letters that stand alone are one word ("s.t.o.p").
    """
    plain = unicodedata.normalize("NFKD", text)  # mathematical and full-width letters have no lower case before
    decomposed = unicodedata.normalize("NFKD", plain.casefold())
    letters = "".join(c for c in decomposed if not unicodedata.combining(c) and c not in _APOSTROPHES)
    if not letters.isascii():
        letters = _MIXED.sub(lambda word: word[0].translate(_LOOK_ALIKE), letters)
    words = re.findall(r"[^\W_]+", re.sub(r"([^\W\d_])\1{2,}", r"\1", letters.translate(_FOLDED)))
    return " ".join(_spelled(words))


def _spelled(words: list[str]) -> list[str]:
    """Join the words if they are four or more, all of a single letter: `s t o p` is `stop`."""
    return [" ".join(words).replace(" ", "")] if len(words) > 3 and all(len(w) == 1 for w in words) else words
