"""One alert on two social networks, with real processes: each post is there once, whatever became of the answer."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.city import City
from tests.acceptance.test_faults_disk import stack_on
from tests.acceptance.test_faults_provider import FAULTS

ONCE = Counter((network, language) for network in ("mastodon", "bluesky") for language in ("en", "es"))


@pytest.fixture(scope="module")
def networks(_own_settings: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city of its own that posts on Bluesky, too: added by the command, as a city would."""
    with stack_on(tmp_path_factory.mktemp("networks")) as stack:
        city = City(stack)
        done = city.run("senders", "add", "bluesky", "city.bsky.social", "--rate", "0.4")
        assert done.returncode == 0, done.stderr
        yield city


def posts_of(city: City, **faults: Any) -> tuple[Counter[tuple[str, str]], list[str]]:
    """The posts of a new alert, and what the server of Bluesky was asked to do for it."""
    city.sim("/_sim/messages", method="DELETE")
    city.sim("/_sim/behaviour", method="DELETE")
    city.behave(bluesky=faults)
    zone = city.block(phones=1).zone
    progress = city.until_over(city.launch(city.approved(zone, channels=("social",))), 120)
    assert progress.channels_by_state["social"] == {"accepted": 4}
    asked = [one["path"].rpartition(".")[2] for one in city.sim("/_sim/requests?provider=bluesky")]
    found = city.sim("/_sim/messages")
    return Counter((one["provider"], one["language"]) for one in found), asked


def test_an_alert_is_posted_once_on_each(networks: City) -> None:
    posts, asked = posts_of(networks)
    assert posts == ONCE
    assert asked.count("createRecord") == 2
    assert asked.count("createSession") <= 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_post_is_there_once_whatever_became_of_the_answer(networks: City, fault: str) -> None:
    posts, asked = posts_of(networks, next_errors=[FAULTS[fault]] * 2)
    assert posts == ONCE
    if "accept" in fault:
        assert asked.count("createRecord") == 2, "nothing is sent again that is there"
    assert ("getRecord" in asked) == (fault != "429"), "only what proves a refusal is taken for one"


def test_a_session_that_ends_is_renewed(networks: City) -> None:
    posts_of(networks)
    posts, asked = posts_of(networks, session_lasts_s=1)
    assert posts == ONCE
    assert "refreshSession" in asked
    assert "createSession" not in asked


def test_the_check_says_whether_the_account_can_post(networks: City) -> None:
    networks.sim("/_sim/behaviour", method="DELETE")
    assert found(networks)["bluesky: account"]["state"] == "green"
    networks.behave(bluesky={"account_status": "suspended"})
    assert "suspended" in found(networks)["bluesky: account"]["said"]
    networks.sim("/_sim/behaviour", method="DELETE")
    networks.behave(bluesky={"next_errors": [{"status": 429, "on": "session"}]})
    assert "refuses new sessions for now" in found(networks)["bluesky: account"]["said"]


def found(city: City) -> dict[str, Any]:
    """What `tocsin check` finds, by subject."""
    return {one["subject"]: one for one in json.loads(city.run("check", "--json").stdout)["findings"]}
