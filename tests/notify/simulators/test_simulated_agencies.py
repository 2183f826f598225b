"""The county of the training city says something that Tocsin can read, and that meets the city."""

from datetime import UTC, datetime, timedelta

from shapely import union_all

from notify.outside.reading import read
from notify.simulators import agencies
from notify.training.city import TrainingCity

NOW = datetime(2026, 1, 11, 17, 40, tzinfo=UTC)


def test_its_warning_meets_the_city_and_replaces_that_of_the_hour_before() -> None:
    (found,), (later,) = (read(agencies.warning(at).encode(), "").messages for at in (NOW, NOW + timedelta(hours=1)))
    assert (found.status, found.sent, found.end_given) == ("Actual", NOW.replace(minute=0), True)
    assert [words.language for words in found.words] == ["en-US", "es-US"]
    assert later.refers == (found.key,)
    assert found.ends_at > NOW + timedelta(hours=1)
    city = union_all([zone.geometry for zone in TrainingCity().zones() if zone.kind == "neighbourhood"])
    assert found.area is not None
    assert 0.1 < city.intersection(found.area).area / city.area < 0.5
