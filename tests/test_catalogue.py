"""The catalogue of the console's messages has every one of them, translated, and nothing else."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po
from jinja2 import DictLoader, nodes

from api import rendering
from api.app import STATIC
from notify.core import translation
from notify.core.city_time import apart
from notify.core.translation import gettext, ngettext, speaking
from templates import PAGES
from tests.templates_text import untranslated

ROOT = Path(__file__).parents[1]
LANGUAGES = sorted(translation.LOCALES.keys() - {"en"})
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")
SAID = re.compile(r"""["'`][A-Z][a-z]+ [a-z][^"'`]*|[a-z] [a-z]+[.,]["'`]|textContent = ["'`][^"'`]""")
TAG = re.compile(r"</?[a-z]\w*|\b[a-z-]+=\"[^\"]*\"")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What `make catalogue` collects."""
    collected = tmp_path_factory.mktemp("messages") / "tocsin.pot"
    with pytest.MonkeyPatch.context() as here:
        here.chdir(ROOT)
        extract = [
            "pybabel",
            "-q",
            "extract",
            "-F",
            "pyproject.toml",
            "-k",
            "gettext_noop",
            "-k",
            "ngettext_noop:1,2",
            "--no-location",
        ]
        CommandLineInterface().run([*extract, "-o", str(collected), "."])
    return read(collected)


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def forms(one: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (one,) if isinstance(one, str) else tuple(one)


def pairs(language: str) -> Iterator[tuple[str, str]]:
    """Each translation, with the English that it is of: the form that has the same values, if there are several."""
    for message in read(translation.catalogue_of(language)):
        for said in forms(message.string or "") if message.id else ():
            same = [
                one
                for one in forms(message.id)
                if sorted(PLACEHOLDER.findall(one)) == sorted(PLACEHOLDER.findall(said))
            ]
            yield (same or forms(message.id))[-1], said


def test_no_message_stands_within_an_f_string() -> None:
    """The collector reads an f-string as one piece, and finds no message in it: it would be shown in English."""
    within = [
        f"{path.relative_to(ROOT)}:{inner.lineno}"
        for package in ("api", "notify", "templates", "zones")
        for path in (ROOT / package).rglob("*.py")
        for outer in ast.walk(ast.parse(path.read_text()))
        if isinstance(outer, ast.JoinedStr)
        for inner in ast.walk(outer)
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id in ("_", "ngettext")
        if isinstance(inner.args[0], ast.Constant)
    ]
    assert within == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_has_every_message_and_no_other(template: Catalog, language: str) -> None:
    catalogue = read(translation.catalogue_of(language))
    wanted, there = ({forms(message.id) for message in one if message.id} for one in (template, catalogue))
    assert wanted - there == set(), "`make catalogue` adds them"
    assert there - wanted == set(), "`make catalogue` removes them"
    assert not catalogue.obsolete
    assert not any(message.fuzzy for message in catalogue)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_with_the_same_values_and_tags(language: str) -> None:
    for english, said in pairs(language):
        assert said, english
        assert said[:1].isspace() == english[:1].isspace(), english
        assert sorted(PLACEHOLDER.findall(said)) == sorted(PLACEHOLDER.findall(english)), english
        assert sorted(TAG.findall(said)) == sorted(TAG.findall(english)), english
        for words in (english, said):
            assert words % defaultdict(str) is not None  # a lone per cent sign raises


def test_templates_pass_all_their_words_on_for_translation() -> None:
    pages = rendering._environment("en")
    left = {}
    for path in sorted(PAGES.rglob("*.html")):
        if found := untranslated(pages, path.read_text(encoding="utf-8")):
            left[path.relative_to(PAGES).as_posix()] = found
    assert left == {}


def test_the_form_of_a_message_follows_from_the_number_in_it() -> None:
    """`trans` takes its first value, or the one after `pluralize`, which may be a text."""
    pages = rendering._environment("en")
    for path in sorted(PAGES.rglob("*.html")):
        for call in pages.parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "ngettext" and call.kwargs:
                counts = [one.value for one in call.kwargs if one.key in {"n", "count"}]
                assert call.args[2] in counts, (path.name, call.lineno)


def test_scripts_take_what_they_say_from_the_page() -> None:
    """From attributes that the template fills in. What is thrown or goes to the browser's console may be English."""
    for path in sorted(STATIC.glob("*.js")):
        code = [re.sub(r"^\s*(//|/?\*).*|\s// .*", "", line) for line in path.read_text(encoding="utf-8").splitlines()]
        said = [line for line in code if SAID.search(line) and not re.search(r"console\.warn|Error\(", line)]
        assert said == [], path.name


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>{% trans n=3 %}Send <b>{{ n }}</b> now{% endtrans %} {{ _('Stop') }} {{ n }}</p>", []),
        ("<p>Send it</p><a title='Go there' href='/a'>{{ x }}</a>", ["Go there", "Send it"]),
        ("{% if a == 'Actual' %}<code>tocsin up</code>{% endif %}", []),
        ("{% block view %}console{% endblock %}{{ {'not joined': 1}[x] }}", []),
        ("{{ a | selectattr('s', 'equalto', 'A b') }} <a>/alerts/{{ id }}</a>", []),
        ("<p>{{ 'Waiting' if a else _('Done') }}</p>{% set B = {'x': 'Not sent'} %}", ["Waiting", "Not sent"]),
        ("{{ choice('name', 'Their name', _('Whose %(x)s', x='Own one')) }}", ["Their name", "Own one"]),
    ],
)
def test_what_words_of_a_template_are(source: str, found: list[str]) -> None:
    assert sorted(untranslated(rendering._environment("en"), source)) == sorted(found)


def test_messages_are_in_the_readers_language_with_its_numbers_and_times() -> None:
    now = datetime(2027, 1, 12, 18, tzinfo=UTC)
    assert gettext("Language") == "Language"
    assert ngettext("%(n)s resident", "%(n)s residents", 12_000) == "12,000 residents"
    with speaking("es"):
        assert gettext("Choose one of these: %(languages)s.", languages="en") == "Elija uno de estos: en."
        assert gettext("Not in the catalogue: %(x)s, 5 %%", x=1) == "Not in the catalogue: 1, 5 %"
        assert apart(now.replace(hour=5), now) == "hace 13 horas"
    assert apart(now.replace(hour=20), now) == "in 2 hours"


def test_pages_escape_the_values_of_messages_and_keep_no_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constants and imported templates are kept by Jinja, and must be kept for each language."""
    words = {
        "words.html": "{% set WORDS = {'x': _('Language')} %}",
        "page.html": "{% from 'words.html' import WORDS %}{{ WORDS.x }} "
        "{{ _('Choose one of these: %(languages)s.', languages=x) }}",
    }
    rendering._environment.cache_clear()
    for language in ("en", "es"):
        with speaking(language):
            pages = rendering._environment(language)
            monkeypatch.setattr(pages, "loader", DictLoader(words))
            said = pages.get_template("page.html").render(x="<b>")
            expected = {"en": "Language Choose one of these: &lt;b&gt;.", "es": "Idioma Elija uno de estos: &lt;b&gt;."}
            assert said == expected[language]
    rendering._environment.cache_clear()
