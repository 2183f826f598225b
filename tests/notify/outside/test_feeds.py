"""What other agencies say is fetched, kept while it is in force, and nothing that one of them does stops another."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import Alarm, OutsideFeed, OutsideWarning
from notify.operations.jobs import outside
from notify.outside import feeds, warnings
from tests import factories
from tests.factories import square
from tests.notify.outside.feed_server import FeedServer, feed_server
from tests.notify.outside.writing import NWS, at, atom, cap, embedded, entry, feature, info, nws, polygon
from tests.owner import as_owner

INSIDE, BEYOND = polygon(0.1, 0.1), polygon(30, 30)


@pytest.fixture
def server(database: str) -> Iterator[FeedServer]:
    with transaction() as s:
        factories.zone(s, "Riverside", square(0, 0))
    with feed_server() as serving:
        yield serving


@pytest.fixture
def read(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator["Reader"]:
    monkeypatch.setattr(feeds, "MOST_S", 600.0)  # a busy machine may need long for a few links
    yield Reader(server, monkeypatch)
    settings.cache_clear()


class Reader:
    """Runs the job for feeds of the server, whose paths are given."""

    def __init__(self, server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self._server, self._monkeypatch = server, monkeypatch

    def __call__(self, *paths: str) -> list[str]:
        """Return the identifiers of what is in force, in the order that they were sent."""
        feeds = "; ".join(f"Agency {path}={self._server.url}{path}" for path in paths)
        self._monkeypatch.setenv("TOCSIN_SIMULATOR_URL", self._server.url)
        self._monkeypatch.setenv("TOCSIN_OUTSIDE_FEEDS", feeds)
        settings.cache_clear()
        outside.run()
        return in_force()


def in_force() -> list[str]:
    with transaction() as s:
        rows = select(OutsideWarning.identifier).where(
            OutsideWarning.ended_at.is_(None), OutsideWarning.ends_at > datetime.now(UTC)
        )
        return list(s.scalars(rows.order_by(OutsideWarning.sent_at, OutsideWarning.id)))


def feed(server: FeedServer, path: str) -> OutsideFeed:
    with transaction() as s:
        return s.get_one(OutsideFeed, server.url + path)


def ringing() -> list[str]:
    with transaction() as s:
        return list(s.scalars(select(Alarm.message).where(Alarm.kind == "feed-fails", Alarm.resolved_at.is_(None))))


def test_without_the_setting_nothing_is_asked(server: FeedServer, read: Reader) -> None:
    assert read() == []
    assert server.asked == []


def test_only_what_meets_the_city_or_names_no_area_is_kept(server: FeedServer, read: Reader) -> None:
    there = [cap("meets", info(area=INSIDE)), cap("far", info(area=BEYOND)), cap("codes", info())]
    server.put("/a", atom(*map(embedded, there)))
    assert sorted(read("/a")) == ["codes", "meets"]
    with transaction() as s:
        kept = s.scalars(select(OutsideWarning).where(OutsideWarning.identifier == "meets")).one()
        assert (kept.agency, kept.severity, kept.place) == ("Agency /a", "Severe", "Mill Street")
        assert kept.words[0]["headline"] == "Brook Creek is rising"
        assert kept.area is not None


def test_exercises_tests_and_what_is_over_are_not_kept(server: FeedServer, read: Reader) -> None:
    there = [cap("drill", status="Exercise"), cap("over", info(minutes=-1)), cap("ack", kind="Ack"), cap("real")]
    server.put("/a", atom(*map(embedded, there)))
    assert read("/a") == ["real"]


def test_the_server_is_asked_who_we_are_and_what_we_have(server: FeedServer, read: Reader) -> None:
    server.put("/a", cap("one"), ETag='"1"')
    assert read("/a") == ["one"]
    assert read("/a") == ["one"]
    (_, first), (_, second) = server.asked
    assert first["User-Agent"] == "Tocsin (http://127.0.0.1:8000)"
    assert first["Accept"].startswith("application/geo+json")
    assert ("If-None-Match" in first, second["If-None-Match"]) == (False, '"1"')
    server.put("/b", nws(), **{"Last-Modified": "Sun, 29 Nov 2026 12:00:00 GMT"})
    read("/b")
    read("/b")
    assert server.asked[-1][1]["If-Modified-Since"] == "Sun, 29 Nov 2026 12:00:00 GMT"


def test_an_update_replaces_and_a_cancel_ends_what_they_refer_to(server: FeedServer, read: Reader) -> None:
    server.put("/a", cap("first"))
    assert read("/a") == ["first"]
    server.put("/a", cap("second", kind="Update", refers=["first"]))
    assert read("/a") == ["second"]
    server.put("/a", cap("third", info(area=BEYOND), kind="Update", refers=["second"]))  # it has moved away
    assert read("/a") == []
    server.put("/a", cap("fourth"))
    read("/a")
    server.put("/a", cap("fifth", kind="Cancel", refers=["fourth"]))
    assert read("/a") == []


def test_what_arrives_after_its_update_or_its_cancel_is_over_already(server: FeedServer, read: Reader) -> None:
    server.put("/a", cap("second", kind="Update", refers=["first"]))
    read("/a")
    server.put("/a", cap("third", kind="Cancel", refers=["zeroth"]))
    read("/a")
    server.put("/a", atom(*(embedded(cap(name, sent=at(-9))) for name in ("first", "zeroth"))))
    assert read("/a") == ["second"]


def test_no_feed_ends_what_another_one_says(server: FeedServer, read: Reader) -> None:
    server.put("/a", cap("theirs"))
    server.put("/b", cap("stranger", kind="Cancel", refers=["theirs"]))
    assert read("/a", "/b") == ["theirs"]


def test_the_weather_service_ends_a_warning_by_leaving_it_out_twice(server: FeedServer, read: Reader) -> None:
    server.put("/n", nws(feature("one"), feature("two")))
    assert read("/n") == ["one", "two"]
    server.put("/n", nws(feature("two")))
    assert read("/n") == ["one", "two"]
    server.put("/n", nws(feature("one"), feature("two")))  # the list had been cut short
    read("/n")
    server.put("/n", nws(feature("two")))
    read("/n")
    assert read("/n") == ["two"]
    server.put("/n", nws(feature("one"), feature("two")))
    assert read("/n") == ["one", "two"]
    server.put("/c", cap("stays"))
    server.put("/n", nws())
    read("/c", "/n")
    server.put("/c", cap("other"))
    assert read("/c", "/n") == ["stays", "other"]  # a list that need not be complete ends nothing


def test_a_feed_of_links_is_followed_once_for_each_edition(server: FeedServer, read: Reader) -> None:
    server.put("/a", atom(entry("/1.cap"), entry("/2.cap")), ETag='"1"')
    server.put("/1.cap", cap("one"))
    server.put("/2.cap", cap("two"))
    assert read("/a") == ["one", "two"]
    server.put("/a", atom(entry("/1.cap"), entry("/2.cap", updated="later")), ETag='"2"')
    server.put("/2.cap", cap("three", kind="Update", refers=["two"]))
    assert read("/a") == ["one", "three"]
    assert server.paths == ["/a", "/1.cap", "/2.cap", "/a", "/2.cap"]


def test_a_message_that_cannot_be_had_is_named_and_asked_for_again(server: FeedServer, read: Reader) -> None:
    server.put("/a", atom(entry("/1.cap"), entry("/2.cap"), entry("/page")), ETag='"1"')
    server.put("/2.cap", cap("two"))
    server.put("/page", "<html/>")
    assert read("/a") == ["two"]
    assert [why.removeprefix(server.url) for why in feed(server, "/a").unreadable] == [
        "/1.cap: it answers 404", "/page: it is XML, but neither CAP, Atom nor RSS: its root is 'html'",
    ]  # fmt: skip
    server.put("/1.cap", cap("one"))
    assert sorted(read("/a")) == ["one", "two"]
    assert server.paths.count("/2.cap") == 1


def test_many_links_are_read_in_several_runs_and_bad_ones_come_last(server: FeedServer, read: Reader) -> None:
    bad, good = [f"/bad{n}" for n in range(20)], [f"/good{n}" for n in range(25)]
    server.put("/a", atom(*map(entry, [*bad, *good])), ETag='"1"')
    for path in good:
        server.put(path, cap(path))
    counts = [len(read("/a")) for _ in range(3)]
    assert counts == [0, 20, 25]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://198.51.100.7/1.cap", "its address is neither https nor on the feed's own server"),
        ("https://127.0.0.1:9/1.cap", "its address leads into a private network"),
        ("https://localhost:9/1.cap", "its address leads into a private network"),
        ("https://10.0.0.1/1.cap", "its address leads into a private network"),
        ("https://169.254.169.254/latest/meta-data", "its address leads into a private network"),
        ("https://[::1]/1.cap", "its address leads into a private network"),
        ("https://[::ffff:10.0.0.1]/1.cap", "its address leads into a private network"),
        ("file:///etc/passwd", "its address is not a web address"),
        ("https://[", "its address is not a web address"),
    ],
)
def test_a_feed_leads_to_no_private_network(server: FeedServer, read: Reader, address: str, why: str) -> None:
    server.put("/a", atom(entry(address), embedded(cap("fine"))))
    assert read("/a") == ["fine"]
    assert [one.rpartition(": ")[2] for one in feed(server, "/a").unreadable] == [why]


def test_redirects_are_not_followed(server: FeedServer, read: Reader) -> None:
    server.put("/a", "", 302, Location="/b")
    server.put("/b", cap("one"))
    assert read("/a") == []
    assert feed(server, "/a").error == "it answers 302 and points to '/b', which is not followed"
    assert server.paths == ["/a"]


def test_a_feed_that_fails_stops_no_other_and_rings_until_it_answers(server: FeedServer, read: Reader) -> None:
    server.put("/good", cap("one"))
    server.put("/bad", "<html/>")
    for rings in (0, 0, 1, 1):
        assert read("/bad", "/good") == ["one"]
        assert len(ringing()) == rings
    assert "Agency /bad could not be read 4 times in a row: it is XML, but neither CAP" in ringing()[0]
    server.put("/bad", nws())
    read("/bad", "/good")
    assert (ringing(), feed(server, "/bad").failures) == ([], 0)


def test_a_failure_ends_no_warning(server: FeedServer, read: Reader) -> None:
    server.put("/n", nws(feature("one")))
    read("/n")
    server.put("/n", "", 503)
    read("/n")
    read("/n")
    assert read("/n") == ["one"]


def test_what_is_long_over_and_feeds_that_are_not_named_any_more_are_forgotten(
    server: FeedServer, read: Reader
) -> None:
    server.put("/a", cap("old", sent=at(-60)))
    server.put("/b", cap("new"))
    read("/a", "/b")
    as_owner(
        f"UPDATE outside_warnings SET ends_at = '{datetime.now(UTC) - timedelta(days=8)}' WHERE identifier = 'old'"
    )
    server.put("/a", cap("next"))
    assert read("/a", "/b") == ["new", "next"]
    with transaction() as s:
        assert set(s.scalars(select(OutsideWarning.identifier))) == {"new", "next"}
    read("/b")
    with transaction() as s:
        assert list(s.scalars(select(OutsideWarning.identifier))) == ["new"]
        assert [one.address for one in s.scalars(select(OutsideFeed))] == [server.url + "/b"]


def test_a_warning_left_out_ends_although_the_list_is_then_unchanged(server: FeedServer, read: Reader) -> None:
    server.put("/n", nws(feature("one"), feature("two")), ETag='"1"')
    assert read("/n") == ["one", "two"]
    server.put("/n", nws(feature("two")), ETag='"2"')
    assert read("/n") == ["one", "two"]
    assert read("/n") == ["two"]


def test_a_listed_warning_that_became_unreadable_stays_in_force(server: FeedServer, read: Reader) -> None:
    server.put("/n", nws(feature("one")))
    read("/n")
    server.put("/n", nws(feature("one", geometry={"type": "Point", "coordinates": [0, 0]})))
    assert [read("/n") for _ in range(3)] == [["one"]] * 3


def test_in_a_feed_of_many_nobody_ends_or_hides_what_another_one_says(server: FeedServer, read: Reader) -> None:
    other = cap("1", info("Tornado Warning", severity="Extreme"), sender="eoc@other.example.gov", sent=at(-4))
    server.put("/all", atom(embedded(cap("1")), embedded(other)))
    assert read("/all") == ["1", "1"]
    server.put("/all", cap("x", kind="Cancel", refers=["1"], sender="eoc@other.example.gov"))
    assert read("/all") == ["1", "1"]
    server.put("/all", cap("y", kind="Cancel", refers=["1"]))
    read("/all")
    with transaction() as s:
        assert [one.said("en").event for one in warnings.in_force(s, datetime.now(UTC)).warnings] == ["Tornado Warning"]


def test_many_small_ones_do_not_hide_a_grave_one(server: FeedServer, read: Reader) -> None:
    server.put("/a", cap("grave", info(severity="Extreme"), sent=at(-30)))
    minor = (embedded(cap(f"m{n}", info(severity="Minor"), sent=at(-1))) for n in range(warnings.MOST + 2))
    server.put("/b", atom(*minor))
    read("/a", "/b")
    with transaction() as s:
        found = warnings.in_force(s, datetime.now(UTC))
    assert (found.warnings[0].identifier, len(found.warnings)) == ("grave", warnings.MOST)
    assert found.left_out == 3


def test_a_replay_ends_nothing_that_was_sent_after_it(server: FeedServer, read: Reader) -> None:
    server.put("/a", cap("new", sent=at(-1)))
    read("/a")
    server.put("/a", cap("old", sent=at(-60), kind="Update", refers=["new"]))
    assert read("/a") == ["old", "new"]
    server.put("/a", atom(embedded(cap("old", sent=at(-60), kind="Update", refers=["newer"])), embedded(cap("newer"))))
    assert "newer" in read("/a")


def test_a_message_that_is_sent_again_with_other_words_says_these(server: FeedServer, read: Reader) -> None:
    for headline, minutes in (("Old", -5), ("New", -1), ("Older", -9)):
        server.put("/a", cap("one", info(headline=headline), sent=at(minutes)))
        assert read("/a") == ["one"]
    with transaction() as s:
        assert [one.said("en").headline for one in warnings.in_force(s, datetime.now(UTC)).warnings] == ["New"]


def shown() -> list[tuple[str, str]]:
    """Agencies and headline of what readers see."""
    with transaction() as s:
        found = warnings.in_force(s, datetime.now(UTC)).warnings
    return sorted((one.agency, one.said("en").headline) for one in found)


def test_a_message_that_two_feeds_carry_is_one_warning_of_both(server: FeedServer, read: Reader) -> None:
    message = cap("one", info(headline="Rising", area=INSIDE))
    for path in ("/a", "/b"):
        server.put(path, message)
    read("/a", "/b")
    assert shown() == [("Agency /a and Agency /b", "Rising")]
    server.put("/a", cap("two", kind="Cancel", refers=["one"]))
    read("/a", "/b")
    assert shown() == [("Agency /b", "Rising")]
    with transaction() as s:
        of_a = (OutsideWarning.identifier == "one", OutsideWarning.ended_at.is_not(None))
        ended = s.scalars(select(OutsideWarning).where(*of_a)).one()
        found = warnings.find(s, ended.id)
        assert (found.id != ended.id, found.agencies, found.ended_at) == (True, ("Agency /b",), None)


@pytest.mark.parametrize("other", [{"headline": "All is well"}, {"severity": "Minor"}, {"area": polygon(0.2, 0.2)}])
def test_no_feed_puts_its_words_in_the_place_of_anothers(server: FeedServer, read: Reader, other: Any) -> None:
    sent = at(-5)
    server.put("/a", cap("one", info(headline="Rising", area=INSIDE), sent=sent))
    server.put("/b", cap("one", info(**{"headline": "Rising", "area": INSIDE} | other), sent=sent))
    read("/a", "/b")
    assert [agency for agency, _ in shown()] == ["Agency /a", "Agency /b"]


def test_a_slow_feed_delays_no_other(server: FeedServer, read: Reader) -> None:
    server.put("/slow", cap("slow"))
    server.put("/fast", cap("fast"))
    server.after["/slow"] = "/fast"
    assert sorted(read("/slow", "/fast")) == ["fast", "slow"]


def test_a_feed_of_slow_links_is_read_in_several_runs(
    server: FeedServer, read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MOST_S", 0.0)
    server.put("/a", atom(*(entry(f"/{n}.cap") for n in range(3))), ETag='"1"')
    for n in range(3):
        server.put(f"/{n}.cap", cap(f"m{n}"))
    assert [len(read("/a")) for _ in range(4)] == [1, 2, 3, 3]


NOWHERE = {"type": "Point", "coordinates": [0, 0]}  # an area that cannot be read


def test_an_unreadable_message_keeps_only_what_it_may_be_about(server: FeedServer, read: Reader) -> None:
    server.put("/n", nws(*(feature(name) for name in ("own", "replaced", "gone"))))
    read("/n")
    update = {"messageType": "Update", "references": [{"identifier": "replaced", "sender": NWS}]}
    server.put("/n", nws(feature("own", NOWHERE), feature("next", NOWHERE, **update)))
    assert [sorted(read("/n")) for _ in range(3)] == [["gone", "own", "replaced"], *[["own", "replaced"]] * 2]


@pytest.mark.parametrize("bad", [feature("next", NOWHERE, messageType="Update"), {"type": "Feature"}])
def test_an_unreadable_message_that_may_be_about_any_keeps_all(
    server: FeedServer, read: Reader, bad: dict[str, Any]
) -> None:
    server.put("/n", nws(feature("one")))
    read("/n")
    server.put("/n", nws(bad))
    assert [read("/n") for _ in range(3)] == [["one"]] * 3
