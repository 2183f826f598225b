"""The texts for operators in TOML: every language has all of them, with the same placeholders."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notify.core import reasons, translation
from templates import DRILLS, FINDINGS, LIFTING, OPERATORS, POSTER, REASONS, REPORT

KINDS = (FINDINGS, LIFTING, OPERATORS, POSTER, REASONS, REPORT)
OTHERS = [language for language in translation.LOCALES if language != "en"]


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("folder", KINDS, ids=lambda folder: folder.name)
def test_a_translation_has_the_keys_and_placeholders_of_the_original(folder: Path, language: str) -> None:
    original, translated = _texts(folder / "en.toml"), _texts(folder / f"{language}.toml")
    assert {key: _placeholders(said) for key, said in translated.items()} == {
        key: _placeholders(said) for key, said in original.items()
    }
    assert all(translated[key] for key in original if original[key]), "none is empty"


@pytest.mark.parametrize("path", sorted(DRILLS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_drill_has_its_label_and_task_in_every_language(path: Path) -> None:
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    for language in translation.LOCALES:
        assert read[language].keys() == {"label", "task"}, language
        assert all(read[language].values()), language


def test_a_reason_is_in_the_readers_language() -> None:
    assert reasons.sentence("30003") == "30003: the phone is off or out of reach"
    with translation.speaking("es"):
        assert reasons.sentence("30003") == "30003: el teléfono está apagado o sin señal"


def _texts(path: Path) -> dict[str, str]:
    return dict(_flat("", tomllib.loads(path.read_text(encoding="utf-8"))))


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _flat(f"{prefix}/{key}", one)
    else:
        yield prefix, value


def _placeholders(said: str) -> list[str]:
    return sorted(set(re.findall(r"{(\w+)}", said)))
