"""The city's own words: versions, staleness, what may be saved, and that alerts are composed from them."""

from collections.abc import Mapping

import pytest
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.alerts.approving import break_glass
from notify.alerts.words import city_words, linting, word_versions
from notify.alerts.words.city_words import Current
from notify.alerts.words.word_versions import Written
from notify.content import own_words
from notify.content.catalogue import catalogue
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, NotFound, Refused
from notify.core.settings import settings
from notify.models import Alert, StoredContent
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("database")

STORM = catalogue().event("storm")
ENGLISH, SPANISH = ("sms", "en"), ("sms", "es")
BUILT_IN = own_words.built_in(STORM, "issue", *ENGLISH)["text"]
INTEGRADO = own_words.built_in(STORM, "issue", *SPANISH)["text"]
OURS = BUILT_IN.replace("{{ hazard.harm }}", "Watch the sky. {{ hazard.harm }}")
NUESTRO = INTEGRADO.replace("{{ hazard.harm }}", "Mire el cielo. {{ hazard.harm }}")


def save(
    words: Mapping[tuple[str, str], str],
    *fits: tuple[str, str],
    seen: int | None = None,
    role: str = "approver",
    note: str = "",
    phase: str = "issue",
) -> list[tuple[str, int, int]]:
    """Language, version and what it was made from, of each that was saved."""
    with transaction() as s:
        known = word_versions.latest(s, "storm", phase) if seen is None else seen
        written = {form: Written({"text": words}, form in fits) for form, words in words.items()}
        by = factories.operator(s, role)
        saved = word_versions.save(s, "storm", phase, written, known, note, by, NOW, settings())
        return [(row.language, row.version, row.made_from) for row in saved]


def now(form: tuple[str, str] = ENGLISH) -> Current:
    with transaction() as s:
        return city_words.current(s, STORM, "issue", settings())[form]


def draft(**more: object) -> dict[str, StoredContent]:
    with transaction() as s:
        factories.zone(s)
        alert = factories.alert_draft(s, **more)  # type: ignore[arg-type]
        rows = s.query(StoredContent).filter_by(alert_id=alert.id)
        return {row.language: row for row in rows}


def test_without_versions_the_words_are_the_built_in_ones() -> None:
    assert (now().words, now().version, now().own, now().stale) == ({"text": BUILT_IN}, 0, False, False)
    assert not any(row.stale for row in draft().values())


def test_an_alert_says_the_citys_words_from_the_commit_on_and_one_made_before_never_changes() -> None:
    before = draft()
    save({ENGLISH: OURS, SPANISH: NUESTRO}, SPANISH)
    after = draft()
    assert "Watch the sky." not in before["en"].text
    assert "Watch the sky." in after["en"].text
    assert "Mire el cielo." in after["es"].text
    with transaction() as s:
        kept = s.get_one(StoredContent, (before["en"].alert_id, "sms", "en", 0))
        assert kept.text == before["en"].text


def test_the_words_of_one_phase_and_channel_leave_the_others_alone() -> None:
    save({ENGLISH: OURS})
    words = draft(channels=("email",), phase="issue")
    with transaction() as s:
        assert not any(one.own for one in city_words.current(s, STORM, "update", settings()).values())
        own = [one.form for one in city_words.current(s, STORM, "issue", settings()).values() if one.own]
    assert own == [ENGLISH]
    assert "Watch the sky." not in words["en"].text
    assert "Watch the sky." in draft(phase="issue")["en"].text


def test_each_save_is_a_new_version_with_its_author_and_note() -> None:
    save({ENGLISH: OURS}, note="After the flood of May")
    save({ENGLISH: OURS.replace("Watch", "See")})
    with transaction() as s:
        newest, first = word_versions.history(s, "storm", "issue")
        assert (first.row.version, first.by, first.row.note) == (
            1,
            "approver@tocsin.example.org",
            "After the flood of May",
        )
        assert newest.row.version == 2
        for version, start in ((0, BUILT_IN), (1, OURS)):
            assert word_versions.at_version(s, STORM, "issue", ENGLISH, version) == {"text": start}
        with pytest.raises(NotFound, match="no version 3"):
            word_versions.at_version(s, STORM, "issue", ENGLISH, 3)
        audited = s.execute(text("SELECT subject, detail->>'version' FROM audit WHERE action = 'write' ORDER BY id"))
        assert [tuple(row) for row in audited] == [("words", "1"), ("words", "2")]


def test_a_translation_is_stale_until_it_is_said_to_fit() -> None:
    save({ENGLISH: OURS})
    assert (now(SPANISH).stale, now(SPANISH).own) == (True, False)
    assert save({SPANISH: NUESTRO.replace("Mire", "Mire bien")}) == [("es", 1, 0)]  # a slip of the pen corrected
    assert now(SPANISH).stale
    assert save({SPANISH: NUESTRO}, SPANISH) == [("es", 2, 1)]
    assert not now(SPANISH).stale
    assert save({SPANISH: NUESTRO.replace("el cielo", "al cielo")}) == [
        ("es", 3, 1)
    ]  # of an original that stands still
    assert not now(SPANISH).stale


def test_the_built_in_translation_can_be_confirmed_as_it_is() -> None:
    save({ENGLISH: OURS})
    assert save({SPANISH: INTEGRADO}, SPANISH) == [("es", 1, 1)]
    assert (now(SPANISH).stale, now(SPANISH).own) == (False, False)


def test_back_to_the_built_in_words_is_a_version_and_its_translation_fits_again() -> None:
    save({ENGLISH: OURS})
    save({ENGLISH: BUILT_IN})
    assert (now().version, now().own, now().words) == (2, False, {"text": BUILT_IN})
    assert not now(SPANISH).stale
    save({ENGLISH: OURS, SPANISH: NUESTRO}, SPANISH)
    save({SPANISH: INTEGRADO})  # made from the built-in original, which is not in force
    assert now(SPANISH).stale


def test_both_saved_at_once_without_a_word_about_the_translation_is_stale() -> None:
    assert save({ENGLISH: OURS, SPANISH: NUESTRO}) == [("en", 1, 1), ("es", 1, 0)]
    assert now(SPANISH).stale


def test_a_translation_whose_original_was_another_language_is_stale() -> None:
    save({ENGLISH: OURS, SPANISH: NUESTRO}, SPANISH)
    other = settings().model_copy(update={"languages": ("es", "en")})
    with transaction() as s:
        found = city_words.current(s, STORM, "issue", other)
    assert (found[SPANISH].stale, found[ENGLISH].stale) == (False, True)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", "is empty"),
        (OURS.replace("{{ area }}", "town"), "must always say {{ area }}"),
        (OURS.replace("{{ city }}", "{% if shelter %}{{ city }}{% endif %}"), "must always say {{ city }}"),
        (OURS + " {{ shelters }}", "uses 'shelters', which is not defined; is it 'shelter'?"),
        *(
            (OURS + f" {{{{ {name} }}}}", f"uses '{name}', which is not defined")
            for name in ("self", "range", "lipsum", "namespace", "loop", "caller", "super", "varargs", "kwargs")
        ),
        (OURS + "{% if self %}!{% endif %}", "uses 'self', which is not defined"),
        (OURS + " {{ hazard.dangr }}", "uses 'hazard.dangr', which is not defined"),
        (OURS + " {{ hazard }}", "prints 'hazard' without a form: write one of hazard.danger"),
        (OURS + " {% for x in city %}{{ x }}{% endfor %}", "something other than blanks"),
        (OURS + " {% if shelter %}", "is not a valid template"),
        (OURS + " bit.ly/now", "The link bit.ly"),
        (OURS + " {{ " + "(" * 900 + "city" + ")" * 900 + " }}", "nested too deeply"),
        (OURS + "{% if shelter %}" * 25 + "{% endif %}" * 25, "nested too deeply"),
        (OURS + "x" * 4000, "the most is 4000"),
        (OURS + "Stay away. " * 130, "the most is 1600"),
    ],
)  # fmt: skip
def test_words_that_cannot_be_used_are_refused_with_the_reason(words: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        save({ENGLISH: words})
    assert any(reason in one and one.startswith("Texts, en: ") for one in refused.value.details), refused.value.details
    assert now().version == 0


def test_a_translation_has_the_blanks_of_its_original() -> None:
    lost = INTEGRADO.replace("{% if wind_mph %}Viento de hasta {{ wind_mph }} mph.{% endif %}", "")
    with pytest.raises(Invalid) as refused:
        save({SPANISH: lost})
    assert refused.value.details == ("Texts, es: It leaves out {{ wind_mph }}, which the original says.",)
    with pytest.raises(Invalid) as refused:
        save({SPANISH: f"{INTEGRADO} {{{{ program }}}}"})
    assert refused.value.details == ("Texts, es: It says {{ program }}, which the original does not.",)


def test_what_somebody_saved_meanwhile_is_not_overwritten() -> None:
    save({ENGLISH: OURS}, seen=0)
    with pytest.raises(Refused, match=r"approver@tocsin\.example\.org has saved these words meanwhile"):
        save({ENGLISH: BUILT_IN + " "}, seen=0)
    assert now().words == {"text": OURS}


def test_nothing_changed_is_no_version() -> None:
    with pytest.raises(Refused, match="Nothing has changed"):
        save({ENGLISH: BUILT_IN.replace("\n", "\r\n") + "\n"}, ENGLISH)
    with pytest.raises(Refused, match="Nothing has changed"):
        save({SPANISH: INTEGRADO}, SPANISH)


def test_only_approvers_and_admins_write_words_and_only_of_forms_that_there_are() -> None:
    for role in ("author", "agent"):
        with pytest.raises(NotAllowed):
            save({ENGLISH: OURS}, role=role)
    with pytest.raises(NotFound, match="no words for fax"):
        save({("fax", "en"): OURS})
    with pytest.raises(Invalid, match="these parts: subject, text"):
        save({("email", "en"): OURS})
    with pytest.raises(Invalid, match="note has 501 characters"):
        save({ENGLISH: OURS}, note="x" * 501)


def stale_alert() -> int:
    save({ENGLISH: OURS})
    return draft()["es"].alert_id


def approve(alert_id: int) -> None:
    with transaction() as s:
        factories.sender(s)
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, alert_id, factories.operator(s, "approver"), NOW, allowed)


def test_an_emergency_with_a_stale_translation_is_not_approved_until_somebody_has_read_it() -> None:
    alert_id = stale_alert()
    with pytest.raises(Refused, match="have 1 error") as refused:
        approve(alert_id)
    assert refused.value.details[0].startswith("sms, es: This translation is older than its original")
    assert "Read them" in refused.value.hint
    with transaction() as s:
        (one,) = linting.findings(s, s.get_one(Alert, alert_id), settings())
        assert (one.rule, one.level, one.blocks, one.blocks_all) == ("stale-translation", "error", True, True)
        assert linting.acknowledge(s, alert_id, one.key, factories.operator(s, "author"), NOW, settings())
    with transaction() as s:
        (one,) = linting.findings(s, s.get_one(Alert, alert_id), settings())
        assert (one.acknowledged_by, one.blocks, one.blocks_all) == ("author@tocsin.example.org", False, False)
        assert linting.overridden(s, s.get_one(Alert, alert_id), settings()) == []
    approve(alert_id)


def test_a_translation_mended_later_does_not_change_what_an_alert_says() -> None:
    alert_id = stale_alert()
    save({SPANISH: NUESTRO}, SPANISH)
    with pytest.raises(Refused, match="have 1 error"):
        approve(alert_id)


def test_a_stale_translation_of_a_routine_message_is_a_warning() -> None:
    save({ENGLISH: OURS})
    alert_id = draft(severity="Minor")["es"].alert_id
    with transaction() as s:
        found = {one.rule: one.level for one in linting.findings(s, s.get_one(Alert, alert_id), settings())}
    assert found["stale-translation"] == "warning"


def test_breaking_glass_does_not_override_a_translation_that_nobody_has_read() -> None:
    alert_id = stale_alert()

    def launch() -> None:
        with transaction() as s:
            factories.sender(s)
            allowed = settings().model_copy(update=factories.CREDENTIALS)
            alert = s.get_one(Alert, alert_id)
            break_glass.launch(
                s, alert_id, factories.operator(s, "approver"), NOW, allowed,
                reason="The river rises; nobody answers.", area_hash=alert.area_hash, messages="0", sent=0,
            )  # fmt: skip

    with pytest.raises(Refused, match="have 1 error"):
        launch()
    with transaction() as s:
        (one,) = linting.findings(s, s.get_one(Alert, alert_id), settings())
        linting.acknowledge(s, alert_id, one.key, factories.operator(s, "approver"), NOW, settings())
    launch()
