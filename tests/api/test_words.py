"""The console's pages of the city's own words."""

import html
import re
from collections.abc import Callable

import httpx
import pytest

from tests.api import asked
from tests.api.filling import Form

Desk = Callable[[str], httpx.Client]
PAGE = "/console/words/storm/issue"
ENGLISH, SPANISH = "text.sms.en", "text.sms.es"


@pytest.fixture
def desk(at_desk: Desk) -> httpx.Client:
    return at_desk("approver")


def form_of(desk: httpx.Client) -> Form:
    return Form(desk.get(PAGE).text, "words")


def plain(page: httpx.Response | str) -> str:
    text = page if isinstance(page, str) else page.text
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def saved() -> list[tuple[str, int]]:
    return [tuple(row) for row in asked.rows("SELECT language, version FROM word_versions ORDER BY id")]  # type: ignore[misc]


def rewrite(form: Form, name: str, words: str = "Watch the sky.") -> Form:
    form.values[name] = form.values[name].replace("{{ hazard.harm }}", f"{words} {{{{ hazard.harm }}}}")
    return form


def test_the_page_sent_back_as_it_is_changes_nothing(desk: httpx.Client) -> None:
    answer = form_of(desk).send(desk, PAGE)
    assert (answer.status_code, saved()) == (409, [])
    assert "Nothing has changed." in plain(answer)


def test_words_are_saved_shown_in_the_list_and_kept_in_the_history(desk: httpx.Client) -> None:
    form = rewrite(form_of(desk), ENGLISH)
    answer = form.send(desk, PAGE, note="After the flood of May")
    assert (answer.status_code, saved()) == (303, [("en", 1)])
    page = desk.get(PAGE)
    assert "Watch the sky." in Form(page.text, "words").values[ENGLISH]
    history = plain(page.text.partition('id="history"')[2])
    assert "approver@tocsin.example.org" in history
    assert "After the flood of May" in history
    listed = plain(desk.get("/console/words"))
    assert "the city's own Texts" in listed
    assert "older than its original Texts" in listed


def test_a_translation_is_marked_until_its_box_is_ticked(desk: httpx.Client) -> None:
    rewrite(form_of(desk), ENGLISH).send(desk, PAGE)
    form = form_of(desk)
    assert "The English words have changed since this was written." in plain(desk.get(PAGE))
    form = rewrite(form, SPANISH, "Mire el cielo.")
    form.tick("fits.sms.es")
    assert form.send(desk, PAGE).status_code == 303
    assert saved() == [("en", 1), ("es", 1)]
    assert "have changed since" not in plain(desk.get(PAGE))


@pytest.mark.parametrize("name", ["self", "range"])
@pytest.mark.parametrize("languages", [(SPANISH,), (ENGLISH, SPANISH)])
def test_names_of_the_template_language_are_not_saved(
    desk: httpx.Client, name: str, languages: tuple[str, ...]
) -> None:
    form = form_of(desk)
    for language in languages:
        form.values[language] += f" {{{{ {name} }}}}"
    said = f"Texts, es: The text uses '{name}', which is not defined."
    answer, proofs = form.send(desk, PAGE), desk.post(f"{PAGE}/proofs", data=form.values)
    assert (answer.status_code, proofs.status_code, saved()) == (422, 200, [])
    assert said in plain(answer)
    assert "which is not defined" in plain(proofs)


def test_a_form_with_a_number_that_is_none_is_told_which(desk: httpx.Client) -> None:
    answer = form_of(desk).send(desk, PAGE, seen="x")
    assert (answer.status_code, saved()) == (422, [])
    assert "This form has no valid number 'x'." in plain(answer)


def test_mistakes_are_listed_and_what_was_typed_is_kept(desk: httpx.Client) -> None:
    form = form_of(desk)
    form.values |= {ENGLISH: "{{ city }}: {{ aera }}", "note": "Quick"}
    answer = form.send(desk, PAGE)
    assert answer.status_code == 422
    assert "Texts, en: The text uses 'aera', which is not defined; is it 'area'?" in plain(answer)
    again = Form(answer.text, "words")
    assert (again.values[ENGLISH], again.values["note"]) == ("{{ city }}: {{ aera }}", "Quick")
    assert saved() == []


def test_two_who_write_at_once_do_not_overwrite_each_other(desk: httpx.Client, at_desk: Desk) -> None:
    mine, other = rewrite(form_of(desk), ENGLISH, "Look up."), rewrite(form_of(desk), ENGLISH)
    assert other.send(at_desk("admin"), PAGE).status_code == 303
    answer = mine.send(at_desk("approver"), PAGE)
    assert answer.status_code == 409
    assert "admin@tocsin.example.org has saved these words meanwhile." in plain(answer)
    assert "Not saved yet" in answer.text
    assert "<del>" in answer.text  # what the other one has written, compared
    again = Form(answer.text, "words")
    assert "Look up." in again.values[ENGLISH]
    assert again.send(desk, PAGE).status_code == 303
    assert saved() == [("en", 1), ("en", 2)]


def test_the_built_in_words_can_be_taken_back(desk: httpx.Client) -> None:
    built_in = form_of(desk).values[ENGLISH]
    rewrite(form_of(desk), ENGLISH).send(desk, PAGE)
    answer = form_of(desk).send(desk, PAGE, "built-in.sms.en")
    form = Form(answer.text, "words")
    assert form.values[ENGLISH] == built_in
    assert saved() == [("en", 1)]  # not yet
    assert form.send(desk, PAGE).status_code == 303
    (row,) = asked.rows("SELECT words FROM word_versions WHERE version = 2")
    assert row.words is None
    assert "built-in words" in plain(desk.get(PAGE).text.partition('id="history"')[2])


def test_previews_follow_what_is_typed(desk: httpx.Client) -> None:
    form = rewrite(form_of(desk), ENGLISH, "Mind the wires.")
    answer = form.send(desk, f"{PAGE}/proofs")
    assert answer.status_code == 200
    assert "Mind the wires. Wind and lightning can kill." in plain(answer)
    assert answer.text.count('hx-swap-oob="true"') == 6
    assert re.search(r"\d segments?, \d+ characters", plain(answer))
    form.values[SPANISH] = ""
    assert "The text is empty." in plain(form.send(desk, f"{PAGE}/proofs"))
    assert saved() == []


def test_two_versions_are_compared_in_words(desk: httpx.Client) -> None:
    rewrite(form_of(desk), ENGLISH).send(desk, PAGE)
    page = desk.get(f"{PAGE}/compare?form=sms.en&before=0&after=1")
    assert "<ins>Watch the sky. </ins>" in page.text
    assert "Both say the same." in plain(desk.get(f"{PAGE}/compare?form=sms.en&before=1"))
    for wrong in ("?form=fax.en", "?form=sms.en&before=7", ""):
        assert desk.get(f"{PAGE}/compare{wrong}").status_code == 404
    assert desk.get(f"{PAGE}/compare?form=sms.en&before=x").status_code == 422


def test_authors_read_words_and_cannot_write_them(at_desk: Desk) -> None:
    author = at_desk("author")
    page = author.get(PAGE)
    assert "readonly" in page.text
    assert 'value="save"' not in page.text
    assert rewrite(Form(page.text, "words"), ENGLISH).send(author, PAGE).status_code == 403
    assert saved() == []


@pytest.mark.parametrize("path", ["/console/words/strom/issue", "/console/words/storm/over"])
def test_what_there_is_not_is_not_found(desk: httpx.Client, path: str) -> None:
    assert desk.get(path).status_code == 404
    assert desk.post(path, data={"do": "save", "seen": "0"}).status_code == 404
    assert desk.post(path, data={"do": "check"}).status_code == 404


@pytest.mark.parametrize("seen", ["", "x", "-1", "9" * 30, "7"])
def test_a_forged_form_is_refused_in_words(desk: httpx.Client, seen: str) -> None:
    form = rewrite(form_of(desk), ENGLISH)
    form.values |= {"seen": seen, "text.fax.en": "x", "text.sms.xx": "x", "nonsense": "x"}
    answer = form.send(desk, PAGE)
    assert answer.status_code in {404, 409, 422}
    assert "Something went wrong" not in answer.text
    assert saved() == []
