"""Clean up text that people give us: drop invisible characters, and replace look-alikes of plain characters.

All text from an operator, a resident or a file goes through `visible` where it enters. Text messages also lose
typographic signs and acute accents on the way out (`channels.channel.Channel.written`), because a single one makes the
whole message UCS-2, at twice the price.
"""

import unicodedata

import regex

# Format characters (Cf) and default-ignorable code points (UAX 44) cost room and money and show nothing. Signs of
# Arabic numbers and verses (Prepended_Concatenation_Mark) are Cf but visible. A joiner stays between two letters of a
# script that needs it (Persian, Hindi), or between two parts of an emoji.
_LETTER = r"[[\p{L}\p{M}]--[\p{Latin}\p{Cyrillic}\p{Greek}]]"
_PICTURE = r"[\p{Extended_Pictographic}\p{Emoji_Modifier}]"
_HIDDEN = regex.compile(
    rf"(?!(?<={_LETTER})[\u200C\u200D](?={_LETTER}))"
    rf"(?!(?<={_PICTURE}\uFE0F?)\u200D(?={_PICTURE}))"
    r"(?!(?<=\p{Extended_Pictographic})\uFE0F|\uFE0F(?=\u20E3))"
    r"[[\p{Cf}\p{Default_Ignorable_Code_Point}]--\p{Prepended_Concatenation_Mark}]",
    regex.V1,
)
_NO_ACUTES = str.maketrans("áíóúýÁÍÓÚÝªº", "aiouyAIOUYao")
_BLANK = str.maketrans(dict.fromkeys("\u2800", " "))  # a Braille cell without dots, which is blank

_LOOK_ALIKES = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u02b9\u02bb\u02bc\u02bd\u02c8\u00b4`\uff07", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb\u02ba\u301d\u301e\uff02", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u2022\u2023\u25e6\u00b7\ufe58\ufe63\uff0d", "-"),
    **dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f", " "),
    **{ligature: unicodedata.normalize("NFKC", ligature) for ligature in "\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06"},
    "\u2026": "...",
    "\u2044": "/",
}
_ASCII = str.maketrans(_LOOK_ALIKES)


def visible(words: str) -> str:
    """The text in NFC, without invisible characters and surrounding space."""
    if words.isascii():  # true of nearly all text in files
        return words.strip()
    return unicodedata.normalize("NFC", _HIDDEN.sub("", words)).translate(_BLANK).strip()


def ascii_punctuation(words: str) -> str:
    """The text with typographic quotes, dashes, spaces, bullets and ligatures replaced by characters of GSM-7."""
    return words.translate(_ASCII)


def without_acutes(words: str) -> str:
    """The text without the acute accents and raised letters that GSM-7 lacks: `recolección` becomes `recoleccion`, `1º`
    becomes `1o`; é, ñ and ü stay."""
    return words.translate(_NO_ACUTES)


def without_marks(words: str) -> str:
    """The text without accents and other marks on its letters: `Peña` becomes `Pena`."""
    return "".join(char for char in unicodedata.normalize("NFKD", words) if not unicodedata.combining(char))
