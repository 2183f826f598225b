"""Questions and answers: written once, found with typos in English and Spanish, and what found nothing."""

from datetime import timedelta

import pytest

from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, Refused
from notify.service311.answers import search, store, words
from notify.service311.answers.store import Text, Written
from notify.service311.answers.words import Match
from tests.factories import NOW, alert_ready, operator, zone

ANSWERS = (
    Written({
        "en": Text("When is my trash picked up?", "Write your address on the page of days.", keywords="garbage"),
        "es": Text("¿Cuándo recogen mi basura?", "Escriba su dirección en la página de los días de recolección."),
    }),
    Written({
        "en": Text("Where can I park during a snow emergency?", "Not on snow routes: they are marked by red signs."),
        "es": Text("¿Dónde puedo estacionar durante una emergencia de nieve?", "No en las rutas de nieve."),
    }),
    Written({
        "en": Text("How do I dispose of a mattress?", "Bulky items are picked up on request.", keywords="sofa bed"),
        "es": Text("¿Cómo desecho un colchón?", "Los objetos grandes se recogen si los pide.", keywords="sofá cama"),
    }),
    Written({
        "en": Text("Is the water safe to drink?", "Yes. No boil notice is in force."),
        "es": Text("¿Es segura el agua para beber?", "Sí. No hay aviso de hervir el agua."),
    }),
    Written({
        "en": Text("Where are the warming centers?", "At the library, open until 9 PM.", keywords="shelter cold heat"),
        "es": Text("¿Dónde están los centros de calor?", "En la biblioteca, hasta las 9.", keywords="refugio frío"),
    }),
)  # fmt: skip


@pytest.fixture
def _answers(database: str) -> None:
    del database
    with transaction() as s:
        for one in ANSWERS:
            store.save(s, one, NOW, operator(s))


ASKED = (
    ("en", "when is trash pickup", 1),
    ("en", "WHEN IS MY TARSH PICKED UP??", 1),
    ("en", "garbge day", 1),
    ("en", "where to park snow emergancy", 2),
    ("en", "parkng in snow", 2),
    ("en", "get rid of matress", 3),
    ("en", "old sofas", 3),
    ("en", "is watter safe", 4),
    ("en", "drinking water", 4),
    ("en", "warming centre", 5),
    ("en", "shleter open", 5),
    ("es", "cuando recojen la basura", 1),
    ("es", "basuura", 1),
    ("es", "¿Cuándo recogen?", 1),
    ("es", "donde estacionar nieve", 2),
    ("es", "estasionar emergensia nieve", 2),
    ("es", "tirar un colchon", 3),
    ("es", "COLCHÓN viejo", 3),
    ("es", "agua segura", 4),
    ("es", "puedo beber el agua", 4),
    ("es", "refujio", 5),
    ("es", "centro de calor", 5),
)


@pytest.mark.usefixtures("_answers")
def test_answers_are_found_with_typos_in_both_languages() -> None:
    with transaction() as s:
        wrong = [
            (language, asked, [one.number for one in found.answers])
            for language, asked, number in ASKED
            if not (found := search.find(s, asked, language, NOW)).answers or found.answers[0].number != number
        ]
    assert wrong == []


@pytest.mark.usefixtures("_answers")
def test_only_a_clear_match_is_good_enough_to_be_sent() -> None:
    with transaction() as s:
        best = {
            asked: getattr(search.find(s, asked, "en", NOW).best, "number", None)
            for asked in (
                "When is my trash picked up?", "is the watter safe to drink", "where are the warming centers",
                "my neighbor plays loud music at night", "where", "ok thank you", "is it safe to leave my house",
                "picked up by police near the library",
            )
        }  # fmt: skip
    assert list(best.values()) == [1, 4, 5, None, None, None, None, None]


@pytest.mark.usefixtures("_answers")
def test_searches_in_vain_are_counted_by_their_words_alone_and_forgotten() -> None:
    with transaction() as s:
        for asked in ("Dog license for 120 Main St", "the license of a dog? 215-555-0143 ann@example.org"):
            for _ in range(search.OFTEN):
                search.find(s, asked, "en", NOW)
        search.find(s, "ann lee", "en", NOW)  # once: it may be a name
        search.find(s, "zebra crossing", "en", NOW, keep=False)
        assert [tuple(one) for one in search.in_vain(s)] == [("dog license", "en", 3), ("dog license main", "en", 3)]
        search.forget_old(s, NOW + search.KEPT + timedelta(days=2))
        assert search.in_vain(s) == []


@pytest.mark.usefixtures("_answers")
def test_an_answer_holds_in_its_time_and_nobody_overwrites_what_they_have_not_seen() -> None:
    with transaction() as s:
        by = operator(s)
        changed = Written(
            {"en": Text("Is the library open?", "Yes."), "es": Text("¿Abre la biblioteca?", "Sí.")},
            number=5, seen=1, valid_until=NOW + timedelta(hours=1),
        )  # fmt: skip
        assert store.save(s, changed, NOW, by) == 5
        assert search.find(s, "library", "en", NOW).answers[0].version == 2
        with pytest.raises(Refused, match="in the meantime"):
            store.save(s, changed, NOW, by)
        assert search.find(s, "library", "en", NOW + timedelta(hours=1)).answers == []
        store.end(s, 1, NOW, by)
        assert 1 not in {one.number for one in store.in_force(s, "es", NOW)}
        assert 1 in {one.number for one in store.every(s, "es")}
        with pytest.raises(NotFound):
            store.end(s, 99, NOW, by)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"en": Text("A?", "B.")}, "every language"),
        ({"en": Text("A?", "B."), "es": Text("", "B.")}, "language es is missing"),
        ({"en": Text("A?", "B."), "es": Text("A?", "B." * 3_000)}, "too long"),
    ],
)
@pytest.mark.usefixtures("database")
def test_answers_that_cannot_be(texts: dict[str, Text], message: str) -> None:
    with transaction() as s, pytest.raises(Invalid, match=message):
        store.save(s, Written(texts), NOW, operator(s))


def test_words_without_numbers_and_their_spelling() -> None:
    assert words.words_of("¿Cuándo recogen en 120 Main St, 2nd floor? ann@example.org") == [
        "cuando", "recogen", "en", "main", "st", "floor",
    ]  # fmt: skip
    known = {"trash", "collection", "recycling", "tree"}
    assert words.mended(["tarsh", "colection", "recycing", "free", "xyz", "trees"], known) == [
        "trash", "collection", "recycling", "free", "xyz", "tree",
    ]  # fmt: skip
    assert words.is_question("donde puedo estacionar")
    assert words.is_question("trash?")
    assert not words.is_question("ok thanks")
    best, other = Match(1, 0.8, 2.0, True), Match(2, 0.8, 1.9, True)
    assert words.strong([best]) == best
    assert words.strong([best, other]) is None
    assert words.strong([]) is None


@pytest.mark.usefixtures("database")
def test_an_answer_about_an_incident_is_told_once_an_alert_of_it_went_out() -> None:
    with transaction() as s:
        zone(s)
        alert = alert_ready(s)
        texts = {"en": Text("Is the bridge open?", "No."), "es": Text("¿Está abierto el puente?", "No.")}
        store.save(s, Written(texts, incident_id=alert.incident_id), NOW, operator(s))
        assert store.in_force(s, "en", NOW) == []
        assert search.find(s, "is the bridge open", "en", NOW).answers == []
        lifecycle.launch(s, alert.id, operator(s), NOW)
        assert [one.question for one in store.in_force(s, "en", NOW)] == ["Is the bridge open?"]
        assert len(search.find(s, "is the bridge open", "en", NOW).answers) == 1
