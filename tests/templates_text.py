"""The words that a template shows without passing them on for translation."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from jinja2 import Environment, nodes

from notify.core.vocabulary import WORDS

READ_OUT = {"title", "aria-label", "placeholder", "alt"}
GETTEXT = {"_", "gettext", "ngettext"}
NOT_WORDS = {"code", "script", "style"}
TESTS = {"selectattr", "rejectattr", "groupby"}  # filters whose arguments are compared, not shown
ATTRIBUTE = re.compile(r'[\w-]+="[-\d]*"')  # of a macro that is used inside of a tag
WORD = re.compile(r"[^\W\d_]{2,}")
# A literal in an expression is said to people if it reads like English: a capital, or words with a space between.
SENTENCE = re.compile(r"[A-Z][a-z]+$|[A-Za-z,.:;]+ [A-Za-z]+")
SAME_EVERYWHERE = {"Language · Idioma", "Español", "English", "Tocsin", "CSV", "JSON Lines", "1234 N BROAD ST"}
CLASSES = {"small quiet"}


def untranslated(pages: Environment, source: str) -> list[str]:
    """Return texts, attributes that are read out, and literals, which stand outside of `trans` and `_()`."""
    reader = _Reader()
    reader.feed("".join(_html(pages, source)))
    reader.close()
    literals = [text for text in _literals(pages.parse(source)) if SENTENCE.search(text)]
    return [text for text in (*reader.found, *literals) if text not in SAME_EVERYWHERE | CLASSES | WORDS.keys()]


def _html(pages: Environment, source: str) -> Iterator[str]:
    """Yield the template's own HTML, without what is translated, and with a dash for what is put in.

    `{% block view %}` holds classes.
    """
    block, translating, hidden = "", False, False
    for _, kind, value in pages.lex(source):
        if kind == "block_begin":
            block = "?"
        elif block == "?" and kind == "name":
            block = value
            translating = value == "trans" or (translating and value != "endtrans")
            hidden = hidden and value != "endblock"
        elif block == "block" and kind == "name":
            hidden, block = value == "view", ""
        elif kind == "variable_begin":
            yield "-"
        elif kind == "data" and not translating and not hidden:
            yield value


def _literals(tree: nodes.Node) -> Iterator[str]:
    for node in tree.iter_child_nodes():
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in GETTEXT:
            for value in node.kwargs:
                yield from _literals(value)
        elif isinstance(node, nodes.TemplateData):
            continue
        elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):  # a method: `caller.may("draft")`
            yield from _literals(node.node)
        elif isinstance(node, nodes.Const) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, nodes.Compare):
            yield from _literals(nodes.List([node.expr]))
        elif isinstance(node, nodes.Pair):  # of a dictionary: its keys are not shown
            yield from _literals(nodes.List([node.value]))
        elif isinstance(node, nodes.Filter) and node.name in TESTS:
            yield from _literals(nodes.List([node.node]))
        else:
            yield from _literals(node)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in NOT_WORDS
        for name, value in attrs:
            if name in READ_OUT:
                self._note(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in NOT_WORDS

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._note(data)

    def _note(self, text: str) -> None:
        text = " ".join(ATTRIBUTE.sub("", text).split())
        if WORD.search(text) and not text.startswith("/"):  # an address
            self.found.append(text)
