"""One secret key for a database: whoever has another one is refused before anything is read or written."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import InternalError

from notify.channels.contract import Inbound
from notify.core import crypto, db, keyring
from notify.core.db import transaction
from notify.core.errors import WrongKey
from notify.core.settings import settings
from notify.inbound import messages
from notify.operations import check as preflight
from notify.subscribers import COLUMNS
from tests.conftest import SECRET_KEY
from tests.factories import NOW, resident
from tests.owner import as_owner

OTHER = "another key that is long enough, too"
ROOT = Path(__file__).parents[3]


def use_keys(monkeypatch: pytest.MonkeyPatch, key: str, previous: str = "") -> None:
    """As in a process that starts with them."""
    monkeypatch.setenv("TOCSIN_SECRET_KEY", key)
    monkeypatch.setenv("TOCSIN_PREVIOUS_SECRET_KEY", previous)
    settings.cache_clear()
    crypto.forget_keys()
    db.forget_engine()


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "notify.cli", *arguments],
        env={**os.environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )


def test_the_first_process_records_its_key_and_another_key_is_refused(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as s:
        assert s.scalar(text("SELECT fingerprint FROM key_ring")) == crypto.fingerprint(SECRET_KEY.encode())
    use_keys(monkeypatch, OTHER)
    with pytest.raises(WrongKey, match="not the key that this database was written with"), transaction() as s:
        s.execute(text("SELECT 1"))
    with pytest.raises(WrongKey), db.statements():
        pass
    use_keys(monkeypatch, SECRET_KEY)
    with transaction() as s:
        assert s.scalar(text("SELECT 1")) == 1


def test_a_stop_is_not_confirmed_with_another_key(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        tom = resident(s)
    use_keys(monkeypatch, OTHER)
    with pytest.raises(WrongKey), transaction() as s:
        messages.receive(s, "twilio", Inbound(tom.phone, "+15555550100", "STOP", "SM1"), NOW)


def test_a_database_from_before_takes_the_key_that_opens_it_and_no_other(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as s:
        resident(s)
    as_owner("DELETE FROM key_ring")
    use_keys(monkeypatch, OTHER)
    with pytest.raises(WrongKey), transaction() as s:
        s.execute(text("SELECT 1"))
    use_keys(monkeypatch, OTHER, previous=SECRET_KEY)
    with transaction() as s:
        assert s.scalar(text("SELECT fingerprint FROM key_ring")) == crypto.fingerprint(SECRET_KEY.encode())


@pytest.mark.parametrize(("right", "wrong"), [(30, 3), (30, 29), (200, 90)])
def test_a_database_from_before_takes_the_key_that_most_was_written_with(
    own_database: str, monkeypatch: pytest.MonkeyPatch, right: int, wrong: int
) -> None:
    """A process with a wrong key had written the newest ones."""
    written_with({SECRET_KEY: right, OTHER: wrong})
    use_keys(monkeypatch, OTHER)
    with pytest.raises(WrongKey, match="not most"), transaction() as s:
        s.execute(text("SELECT 1"))
    use_keys(monkeypatch, SECRET_KEY)
    assert recorded() == crypto.fingerprint(SECRET_KEY.encode())


def test_a_database_of_two_keys_in_equal_parts_takes_none_and_says_what_to_do(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written_with({SECRET_KEY: 5, OTHER: 5})
    for key, previous in ((SECRET_KEY, ""), (OTHER, ""), (OTHER, SECRET_KEY)):
        use_keys(monkeypatch, key, previous=previous)
        with pytest.raises(WrongKey, match="5 of 10 stored addresses") as refused, transaction() as s:
            s.execute(text("SELECT 1"))
    follow(refused.value.hint or "")
    assert recorded() == crypto.fingerprint(OTHER.encode())


@pytest.mark.parametrize("rows", ["suppressions", "inbound", "contacts"])
def test_a_database_of_indexes_alone_takes_no_key_by_itself(
    own_database: str, monkeypatch: pytest.MonkeyPatch, rows: str
) -> None:
    """Whom they are about can be found by the right key only, and nothing shows which one that is."""
    written = {
        "suppressions": """INSERT INTO suppressions (channel, address_index, reason, at)
                           VALUES ('sms', sha256('x'), 'opt-out', now())""",
        "inbound": """INSERT INTO inbound (provider, reference, address_index, meaning, received_at)
                      VALUES ('twilio', 'SM1', sha256('x'), 'stop', now())""",
        "contacts": """INSERT INTO subscribers (language, created_at) VALUES ('en', now());
                       INSERT INTO contacts (subscriber_id, channel, address_index, created_at)
                       SELECT id, 'sms', sha256('x'), now() FROM subscribers""",
    }
    with transaction() as s:
        s.execute(text(written[rows]))
    as_owner("DELETE FROM key_ring")
    use_keys(monkeypatch, SECRET_KEY)
    with pytest.raises(WrongKey, match="cannot be verified") as refused, transaction() as s:
        s.execute(text("SELECT 1"))
    follow(refused.value.hint or "")
    assert recorded() == crypto.fingerprint(SECRET_KEY.encode())


def test_street_addresses_show_the_key_as_well(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        resident(s)
        s.execute(text("UPDATE places SET address_sealed = :x"), {"x": crypto.seal("1 Main St", "address")})
        s.execute(text("UPDATE contacts SET address_sealed = NULL"))
    as_owner("DELETE FROM key_ring")
    use_keys(monkeypatch, OTHER)
    with pytest.raises(WrongKey, match="is not the key"), transaction() as s:
        s.execute(text("SELECT 1"))
    use_keys(monkeypatch, SECRET_KEY)
    assert recorded() == crypto.fingerprint(SECRET_KEY.encode())


def test_a_connection_that_only_reads_records_no_key(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    as_owner("DELETE FROM key_ring")
    use_keys(monkeypatch, SECRET_KEY)
    found = {one.subject: one for one in preflight.check(settings())}
    assert found["database"].state == "green"
    assert found["secret key"].state == "yellow"
    with transaction(db.reading_engine) as s:
        assert not keyring.is_recorded(s)
    with pytest.raises(InternalError, match="read-only"), transaction(db.reading_engine) as s:
        s.execute(text("DELETE FROM key_ring"))
    assert recorded() == crypto.fingerprint(SECRET_KEY.encode())


def written_with(keys: dict[str, int]) -> None:
    """A database without a fingerprint, to which processes with these keys have written so many residents in turn."""
    with transaction() as s:
        for key, people in keys.items():
            for _ in range(people):
                one = resident(s)
                sealed = crypto.seal(one.phone, "sms", key.encode())
                s.execute(text("UPDATE contacts SET address_sealed = :x WHERE id = :id"), {"x": sealed, "id": one.sms})
    as_owner("DELETE FROM key_ring")


def follow(hint: str) -> None:
    """Do what it says, as the owner of the schema."""
    as_owner("INSERT" + hint.partition("INSERT")[2])


def recorded() -> bytes:
    with transaction() as s:
        return bytes(s.execute(text("SELECT fingerprint FROM key_ring")).scalar_one())


def test_a_key_that_was_replaced_in_another_process_is_noticed_when_it_is_held(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as s:
        s.execute(text("SELECT 1"))
    as_owner("UPDATE key_ring SET fingerprint = :to", to=crypto.fingerprint(OTHER.encode()))
    with pytest.raises(WrongKey), transaction() as s:
        keyring.hold(s)


@pytest.mark.parametrize(
    "command",
    [
        ["api", "--port", "0"],
        ["worker"],
        ["scheduler"],
        ["migrate"],
        ["subscribers", "import", "residents.csv"],
        ["subscribers", "count"],
        ["zones", "list"],
        ["alert", "show", "1"],
    ],
    ids=" ".join,
)
def test_every_process_and_command_refuses_another_key_in_one_line(
    database: str, redis: object, monkeypatch: pytest.MonkeyPatch, command: list[str], tmp_path: Path
) -> None:
    with transaction() as s:
        resident(s)
    use_keys(monkeypatch, OTHER)
    (tmp_path / "residents.csv").write_text(f"{','.join(COLUMNS)}\n")
    done = run(*[str(tmp_path / part) if part.endswith(".csv") else part for part in command])
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert line.startswith("tocsin: TOCSIN_SECRET_KEY is not the key")
    assert "keys rotate" in line


KEYED = {"address_index", "any_index", "index", "seal", "seal_all"}  # of `crypto`, `addresses` and `points`


def test_who_computes_an_index_or_seals_holds_the_key() -> None:
    """In the same file, where a reader sees both: else a rotation could come between the index and its row."""
    at_home = {"notify/channels/channel.py", "notify/core/crypto.py", "notify/core/keyring.py", "notify/core/points.py",
               "notify/operations/rotation.py", "notify/operations/rekeyed_values.py",
               "notify/subscribers/addresses.py",
               "notify/migrations/versions/0028_sealed_points.py"}  # which lets no rotation run  # fmt: skip
    for path in [*ROOT.glob("notify/**/*.py"), *ROOT.glob("api/**/*.py")]:
        methods = [
            node.func
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        ]
        called = {f"{one.value.id}.{one.attr}" for one in methods if isinstance(one.value, ast.Name)}
        keyed = {f"{home}.{name}" for home in ("crypto", "addresses", "points") for name in KEYED} & called
        keyed |= {one.attr for one in methods if one.attr == "address_index"}  # of any channel
        if keyed and str(path.relative_to(ROOT)) not in at_home:
            assert "keyring.hold" in called, f"{path.name} calls {', '.join(sorted(keyed))} without keyring.hold"


def test_what_is_told_of_the_key_does_not_give_it_away(database: str) -> None:
    with transaction() as s:
        told = s.execute(text("SELECT json_agg(k) FROM key_ring k")).scalar_one()
    assert SECRET_KEY not in json.dumps(told)
    assert SECRET_KEY.encode().hex() not in json.dumps(told)
