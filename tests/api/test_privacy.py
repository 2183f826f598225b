"""The page that says what is kept, how long and why."""

import httpx
import pytest

from notify.core import translation
from notify.core.settings import settings
from notify.operations.kept_data import KINDS


@pytest.mark.parametrize("language", ["en", "es"])
def test_it_states_every_kind_with_its_time_and_reason(
    door: httpx.Client, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_KEEP_TEXTS_DAYS", "123")
    settings.cache_clear()
    shown = door.get(f"/privacy?lang={language}").text
    with translation.speaking(language):
        for kind in KINDS:
            for words in filter(None, (kind.what, kind.why, kind.until)):
                assert translation.gettext(words) in shown
    assert {"en": "for 123 days.", "es": "durante 123 días."}[language] in shown
    monkeypatch.setenv("TOCSIN_KEEP_TEXTS_DAYS", "1095")
    settings.cache_clear()
    assert {"en": "for 3 years.", "es": "durante 3 años."}[language] in door.get(f"/privacy?lang={language}").text


def test_it_is_linked_beside_the_button_that_joins(door: httpx.Client) -> None:
    assert 'href="/privacy?lang=es"' in door.get("/join?lang=es").text
