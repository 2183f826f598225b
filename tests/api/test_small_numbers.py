"""From the numbers of residents that are shown, no hidden one can be computed."""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

import httpx
import pytest

from api.rest import tallies
from notify.alerts import lifecycle
from notify.core.db import transaction
from tests import factories

Desk = Callable[[str], httpx.Client]


@pytest.mark.parametrize("shown", [tallies.told, tallies.seen])
def test_no_split_of_a_sum_gives_a_hidden_part_away(shown: Callable[[int], tallies.Tally]) -> None:
    for parts in (1, 2, 3):
        possible = defaultdict(set)
        for split in itertools.product(range(3 * tallies.FEWEST), repeat=parts):
            whole = (*split, sum(split))
            possible[tuple(map(shown, whole))].add(whole)
        for seen, wholes in possible.items():
            for place, one in enumerate(seen):
                if one == tallies.FEW:
                    assert len({whole[place] for whole in wholes}) > 1, (seen, wholes)


def test_a_hidden_language_cannot_be_subtracted_from_the_sum_of_a_channel() -> None:
    """What Compose and `POST /audience` show: exact numbers, unless a small one stands beside them."""
    for parts in (2, 3):
        possible = defaultdict(set)
        for split in itertools.product(range(3 * tallies.FEWEST), repeat=parts):
            named = {str(place): number for place, number in enumerate(split)}
            languages = (*tallies.parts_told(named).values(), tallies.sum_told(named))
            possible[languages].add(split)
        for seen, splits in possible.items():
            for place, one in enumerate(seen[:-1]):
                if one == tallies.FEW:
                    assert len({split[place] for split in splits}) > 1, (seen, splits)
    assert tallies.parts_told({"en": 35, "es": 12}) == {"en": 35, "es": 12}
    assert tallies.parts_told({"en": 35, "es": 6}) == {"en": 30, "es": tallies.FEW}


def test_an_agents_page_shows_only_tens(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        sent = factories.alert_ready(s, now=city).id
        lifecycle.launch(s, sent, None, city)
    factories.resolve(sent, city)
    data = r'<data id="([^"]+)" value="(\d+)"'
    exact = dict(re.findall(data, at_desk("author").get(f"/console/alerts/{sent}").text))
    coarse = dict(re.findall(data, at_desk("agent").get(f"/console/alerts/{sent}").text))
    assert any(int(number) % tallies.FEWEST for number in exact.values())
    assert coarse
    assert coarse == {name: str(int(exact[name]) // 10 * 10) for name in coarse}
