"""What is stored in English, or said by others in English, has words in the reader's language: all of it."""

import ast
import inspect
import re
from pathlib import Path

import pytest
from shapely.geometry import box
from zxcvbn import feedback

from notify.accounts import password_advice
from notify.city import zone_words
from notify.core import alarms, audit_words
from notify.core.alarm_meanings import MEANINGS, meaning
from notify.core.rewording import reworded
from notify.core.translation import speaking
from zones import areas
from zones.errors import ZoneError, naming

ROOT = Path(__file__).parents[1]


def test_every_kind_of_alarm_has_a_meaning() -> None:
    named = {
        value for name, value in vars(alarms).items() if name.isupper() and isinstance(value, str) and "-" in value
    }
    assert named | set(alarms.NO_WORKER.values()) == MEANINGS.keys()
    assert meaning(alarms.JOB_FAILS) == ""
    with speaking("es"):
        assert meaning(alarms.JOB_FAILS).startswith("Una tarea programada")


def test_every_act_of_the_audit_has_a_word() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "notify").rglob("*.py"))
    acts = set(re.findall(r'\baction="([^"]+)"', source))
    assert len(acts) > 50
    assert acts - audit_words.ACTS.keys() == set()
    assert audit_words.act("sign-in") == "sign in"
    with speaking("es"):
        assert audit_words.act("sign-in") == "inicio de sesión"
        assert audit_words.act("of-a-later-version") == "of a later version"


def test_every_advice_about_passwords_is_known() -> None:
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(feedback))) if isinstance(node, ast.Call)]
    said = {ast.literal_eval(call.args[0]) for call in calls if isinstance(call.func, ast.Name) and call.func.id == "_"}
    assert said == password_advice.SENTENCES
    with speaking("es"):
        assert password_advice.advice("Avoid sequences.") == "Evite las secuencias."


def test_what_zones_says_is_in_the_readers_language() -> None:
    city = (-75.2, 39.9, -75.1, 40.0)
    swapped, elsewhere, whole = (areas.doubt(box(*of), city) for of in ((39.9, -75.2, 40.0, -75.1), (1, 2, 3, 4), city))
    assert swapped is not None
    assert elsewhere is not None
    assert whole is not None
    with pytest.raises(ZoneError) as refused, naming("roads.geojson"):
        areas.read_line('{"type": "FeatureCollection", "features": []}')
    assert zone_words.said(swapped.question) == swapped.question
    with speaking("es"):
        assert zone_words.said(swapped.question).startswith("Está fuera de la ciudad. ¿")
        assert zone_words.said(elsewhere.question).endswith("longitud 1.0000 a 3.0000, latitud 2.0000 a 4.0000.")
        assert zone_words.said(whole.question) == "Cubre toda la ciudad."
        assert zone_words.said(refused.value.message) == "roads.geojson: No contiene ninguna línea."
        assert zone_words.said("Something new.") == "Something new."


def test_what_pydantic_says_is_in_the_readers_language() -> None:
    with speaking("es"):
        assert reworded("Input should be greater than or equal to 5") == "dé 5 o más"
        assert reworded("String should have at most 9 characters") == "dé 9 caracteres como máximo"
