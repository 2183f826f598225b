"""A mistake in the words is found when they are loaded, and told with its file and key."""

import shutil
from pathlib import Path

import pytest

from notify.content.catalogue import load
from notify.core.errors import Invalid
from templates import MESSAGES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MESSAGES, tmp_path / "messages"))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def mistakes(folder: Path) -> list[str]:
    with pytest.raises(Invalid) as caught:
        load(folder)
    return list(caught.value.details)


def test_the_words_that_we_ship_are_in_order(folder: Path) -> None:
    assert len(load(folder).events) == 7


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "storm/event.toml",
            'example = "Go inside a strong building now"',
            'example = "Go inside"\nrequired = ["issue"]',
            "storm/event.toml is wrong: action needs a translation, so a fast event cannot require it",
        ),
        ("storm/en.toml", "{{ hazard.harm }}", "{{ hazzard }}", "storm/en.toml: issue.sms.text uses 'hazzard'"),
        ("storm/en.toml", "{{ hazard.harm }}", "{{ hazard.hurt }}", "issue.sms.text uses 'hazard.hurt'"),
        ("storm/es.toml", "{{ hazard.after }}", "{{ shelter }}", "storm/es.toml: all-clear.sms.text uses 'shelter'"),
        ("storm/en.toml", "{% if starts %}", "{% if starts", "storm/en.toml: issue.sms.text is not a valid template"),
        ("storm/en.toml", "[choices.hazard.wind]", "[choices.hazard.windy]", "choices.hazard.windy must be here"),
        ("storm/es.toml", "harm = ", "harms = ", "choices.hazard.thunderstorm has other forms"),
        ("storm/es.toml", "[update.social]", "[update.social2]", "storm/es.toml: update.social2"),
        ("storm/es.toml", "[update.social]", "[choices.social.no]", "storm/es.toml: update.social is missing"),
        ("snow/en.toml", "subject = ", "title = ", "snow/en.toml: issue.email must have exactly subject and text"),
        ("snow/en.toml", "[issue.sms]", "[issue.sms", "snow/en.toml is not TOML"),
        ("snow/event.toml", 'severity = "Moderate"', 'severity = "Bad"', "snow/event.toml: phases.issue.severity"),
        ("snow/event.toml", 'example = "10"', 'example = "ten"', "its example must be a whole number"),
        ("snow/event.toml", 'type = "phone"', 'type = "fax"', "snow/event.toml: blanks.3.type"),
        ("en.toml", 'locale = "en_US"\n', "", "en.toml: speech.locale"),
        ("en.toml", '"en_US"', '"xx_XX"', "there is no locale 'xx_XX'"),
        ("en.toml", "{clock} {weekday}", "{clock} {wekday}", "en.toml: speech"),
        ("en.toml", "{ other =", "{ many =", "en.toml: speech"),
        ("email.html", "{{ language }}", "{{ lang }}", "email.html uses 'lang'"),
    ],
)
def test_a_mistake_is_told_with_file_and_key(folder: Path, file: str, old: str, new: str, told: str) -> None:
    change(folder / file, old, new)
    assert any(told in mistake for mistake in mistakes(folder)), mistakes(folder)


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    change(folder / "storm/en.toml", "{{ hazard.harm }}", "{{ hazzard }}")
    change(folder / "snow/es.toml", "{{ inches }}", "{{ pulgadas }}")
    (folder / "outage/es.toml").unlink()
    (folder / "collection/fr.toml").write_text("", "utf-8")
    told = " ".join(mistakes(folder))
    for file in ("storm/en.toml", "snow/es.toml", "outage/es.toml", "collection/fr.toml"):
        assert file in told


def test_an_empty_folder_is_no_catalogue(tmp_path: Path) -> None:
    assert any("no event" in mistake for mistake in mistakes(tmp_path))


def test_a_template_cannot_reach_into_python(folder: Path) -> None:
    change(folder / "storm/en.toml", "{{ hazard.harm }}", "{{ area.__class__.__mro__ }}")
    assert any("__class__" in mistake for mistake in mistakes(folder))
