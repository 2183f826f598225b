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
from notify.core import alarm_details, alarms, audit_words, reasons
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


PUT_TOGETHER = {"1: 1", "1 1: 1", "It is a 1, 11", "More than one zone has the 1: 1.", "Choose another --1-field1."}
ELSEWHERE = {"sheets.py", "drawable.py", "schedules.py", "pmtiles.py", "tiles.py"}  # only commands import these


def test_every_error_of_zones_has_words_in_spanish() -> None:
    said = {
        text
        for path in (ROOT / "zones").rglob("*.py")
        if path.name not in ELSEWHERE and path.parent.name != "addresses"
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "ZoneError"
        for given in (*call.args, *(one.value for one in call.keywords if one.arg == "hint"))
        for text in _texts(given)
        if text not in PUT_TOGETHER
    }
    assert len(said) > 100
    with speaking("es"):
        assert sorted(text for text in said if zone_words.said(text) == text) == []


def _texts(given: ast.expr) -> list[str]:
    """What an expression may be, with a 1 in place of each value; nothing if it is not written there."""
    match given:
        case ast.Constant(value=str(text)):
            return [text] if text else []
        case ast.JoinedStr(values=values):
            return ["".join(str(one.value) if isinstance(one, ast.Constant) else "1" for one in values)]
        case ast.IfExp(body=body, orelse=other):
            return [*_texts(body), *_texts(other)]
        case ast.BoolOp(values=values):
            return [text for one in values for text in _texts(one)]
    return []


def test_what_a_file_has_is_said_with_its_name_and_its_values() -> None:
    with speaking("es"):
        mended = "Ward 1: repaired (self-intersection at -75 40), area -2.5 %"
        assert zone_words.said(mended) == "Ward 1: se reparó (se cruza consigo misma en -75 40), área -2.5 %"
        slivers = "A: B: removed 1 sliver and 3 slivers of a hole"
        assert zone_words.said(slivers) == "A: B: se quitaron 1 astilla y 3 astillas de un hueco"
        assert zone_words.said("feature 3: It has no shape.") == "elemento 3: No tiene forma."
        assert zone_words.said("12 km from Norfolk, Virginia") == "a 12 km de Norfolk, Virginia"


def test_an_alarm_is_said_in_the_readers_language() -> None:
    stopped = f"Sender 3 is stopped: twilio refuses it: {reasons.sentence('30007')}. Blocked."
    late = "Alert 3 was launched 5 minutes late."
    assert alarm_details.said(late) == late
    with speaking("es"):
        assert alarm_details.said(late) == "La alerta 3 se lanzó con 5 minutos de retraso."
        assert alarm_details.said(stopped).startswith("El remitente 3 está detenido: twilio lo rechaza: ")
        assert alarm_details.said("sender-stopped") == "sender-stopped"


def test_what_pydantic_says_is_in_the_readers_language() -> None:
    with speaking("es"):
        assert reworded("Input should be greater than or equal to 5") == "dé 5 o más"
        assert reworded("String should have at most 9 characters") == "dé 9 caracteres como máximo"
