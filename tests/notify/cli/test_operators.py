"""`tocsin operators`, `tocsin keys` and `--as`: people who leave, and who really does what."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from notify.accounts import operators, sessions
from notify.cli import alarms as alarm_commands
from notify.cli import main, senders, subscribers
from notify.cli import restored as restored_command
from notify.cli.operators import commands, key_commands
from notify.core import actor
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, NotFound, Refused
from notify.core.settings import settings
from notify.local import folder
from tests.owner import as_owner

ADMIN, AUTHOR = "admin@tocsin.example.org", "author@tocsin.example.org"
NOW = datetime.now(UTC)
pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def _staff(database: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("TOCSIN_DATA", str(tmp_path_factory.mktemp("no stack")))
    with transaction() as s:
        operators.add(s, ADMIN, "admin", NOW)
        operators.add(s, AUTHOR, "author", NOW)


def run(*arguments: str, group: object = commands) -> Result:
    return CliRunner().invoke(group, list(arguments))  # type: ignore[arg-type]


def key_of(email: str, name: str) -> str:
    with transaction() as s:
        return operators.add_key(s, name, NOW, operators.find(s, email))


def audited(action: str) -> tuple[str | None, dict[str, object]]:
    """Who did it last, and the details."""
    with transaction() as s:
        row = s.execute(
            text("""SELECT o.email, a.detail FROM audit a LEFT JOIN operators o ON o.id = a.operator_id
                     WHERE a.action = :action ORDER BY a.id DESC LIMIT 1"""),
            {"action": action},
        ).one()
    return row.email, row.detail


def test_who_leaves_has_no_key_and_no_session_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", key_of(ADMIN, "chief"))
    secret = key_of(AUTHOR, "laptop")
    key_of(AUTHOR, "script")
    with transaction() as s:
        token = sessions.begin(s, operators.find(s, AUTHOR), "password", "", NOW)
    done = run("disable", AUTHOR, "--json")
    assert json.loads(done.stdout) == {"email": AUTHOR, "active": False, "keys_revoked": 2, "sessions_ended": 1}
    with transaction() as s:
        assert operators.find_key(s, secret) is None
        assert sessions.find(s, token, NOW) is None
        with pytest.raises(NotFound):
            operators.find(s, AUTHOR)
    assert [one["active"] for one in json.loads(run("list", "--json").stdout) if one["email"] == AUTHOR] == [False]
    assert audited("disable")[0] == ADMIN
    assert audited("revoke")[0] == ADMIN
    assert run("enable", AUTHOR).exit_code == 0
    with transaction() as s:
        assert operators.find(s, AUTHOR).disabled_at is None
        assert operators.find_key(s, secret) is None  # a key that was ended stays so
    assert isinstance(run("enable", AUTHOR).exception, Invalid)


def test_a_role_is_changed_and_the_last_admin_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", key_of(ADMIN, "chief"))
    assert isinstance(run("role", ADMIN, "author").exception, Refused)
    assert isinstance(run("disable", ADMIN).exception, Refused)
    assert isinstance(run("role", AUTHOR, "king").exception, Invalid)
    assert run("role", AUTHOR, "admin").exit_code == 0
    who, detail = audited("role")
    assert (who, detail["before"], detail["role"]) == (ADMIN, "author", "admin")
    assert run("role", ADMIN, "author").exit_code == 0
    assert isinstance(run("limit", AUTHOR, "5").exception, NotAllowed)  # no admin any more


def test_keys_are_listed_with_whom_they_act_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", key_of(ADMIN, "chief"))
    assert run("add", "dashboard", group=key_commands).exit_code == 0
    listed = json.loads(run("list", "--json", group=key_commands).stdout)
    assert {one["name"]: one["acts_for"] for one in listed} == {"chief": ADMIN, "dashboard": None}


def test_a_program_gets_plain_values_of_keys_and_people_the_citys_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", key_of(ADMIN, "chief"))
    run("add", "tablet", "--as", AUTHOR, "--scope", "draft", "--scope", "read", group=key_commands)
    chief, tablet = json.loads(run("list", "--json", group=key_commands).stdout)
    assert chief == {
        "name": "chief", "acts_for": ADMIN, "scopes": None, "created": NOW.isoformat(), "revoked": None
    }  # fmt: skip
    assert sorted(tablet["scopes"]) == ["draft", "read"]
    listed = " ".join(run("list", group=key_commands).stdout.split())
    assert f"chief {ADMIN} - {NOW.astimezone(settings().tz):%Y-%m-%d %H:%M:%S %Z} -" in listed


def test_the_first_admin_makes_a_key_without_one_and_nobody_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("add", "first", "--as", ADMIN, group=key_commands)
    assert done.exit_code == 0
    who, detail = audited("add")
    assert who is None  # not the admin, in whose name it was made: only the account is known
    with actor.command():
        assert detail["command_line"] == actor.on_command_line.get() != ""
    assert isinstance(run("add", "second", "--as", ADMIN, group=key_commands).exception, NotAllowed)
    for arguments in (
        ("add", "x@tocsin.example.org", "--role", "admin"),
        ("disable", AUTHOR),
        ("role", AUTHOR, "admin"),
    ):
        assert isinstance(run(*arguments).exception, NotAllowed), arguments
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", done.stdout.strip())
    assert run("add", "second", "--as", AUTHOR, group=key_commands).exit_code == 0
    assert audited("add")[0] == ADMIN


def test_as_needs_the_key_of_that_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*arguments: str) -> BaseException | None:
        return run("resolve", "1", *arguments, group=alarm_commands.commands).exception

    assert isinstance(resolve("--as", AUTHOR), NotAllowed)
    assert isinstance(resolve(), NotAllowed)
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", key_of(ADMIN, "chief"))
    assert isinstance(resolve("--as", AUTHOR), NotAllowed)
    assert isinstance(resolve("--as", ADMIN), NotFound | Refused)  # believed, but there is no such alarm
    assert isinstance(resolve(), NotFound | Refused)
    with transaction() as s:
        reading = operators.add_key(s, "reading", NOW, operators.find(s, ADMIN), ["read"])
    for wrong in ("tocsin_nobodys", key_of(AUTHOR, "laptop"), reading):
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", wrong)
        assert isinstance(resolve("--as", ADMIN), NotAllowed)


def test_a_restore_is_told_by_somebody_who_may_stop_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restored_command, "WITHIN_S", 0)

    def restored(*arguments: str) -> BaseException | None:
        return run("--json", *arguments, group=restored_command.commands).exception

    chief = key_of(ADMIN, "chief")
    assert isinstance(restored("--as", ADMIN), NotAllowed), "a name proves nothing"
    assert isinstance(restored(), NotAllowed)
    with transaction() as s:
        operators.add(s, "agent@tocsin.example.org", "agent", NOW)
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", key_of("agent@tocsin.example.org", "desk"))
    assert isinstance(restored("--as", "agent@tocsin.example.org"), NotAllowed), "an agent stops no alert"
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", chief)
    assert restored("--as", ADMIN) is None


@pytest.mark.parametrize(("simulator", "believed"), [("http://127.0.0.1:8001", True), ("", False)])
def test_on_a_stack_for_training_a_name_is_enough(
    simulator: str, believed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("stack")
    monkeypatch.setenv("TOCSIN_DATA", str(data))
    lock = folder.claim(data)
    folder.write_info(data, folder.StackInfo(1, "http://127.0.0.1:8000", simulator, str(data), ready=True))
    folder.write_env(data, {"TOCSIN_DATABASE_URL": settings().database_url})
    try:
        done = run("resolve", "1", "--as", AUTHOR, group=alarm_commands.commands)
        assert isinstance(done.exception, NotAllowed) != believed
    finally:
        lock.close()


def test_a_command_without_as_needs_a_key_once_an_admin_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A city begins without keys."""
    assert run("add", "twilio", "+12025550107", "--rate", "5", group=senders.commands).exit_code == 0
    secret = key_of(ADMIN, "chief")
    for group, arguments in (
        (senders.commands, ("add", "twilio", "+12025550108", "--rate", "5")),
        (senders.commands, ("set", "1", "--rate", "500")),
        (subscribers.commands, ("export",)),
        (subscribers.commands, ("import", __file__)),
    ):
        refused = run(*arguments, group=group)
        assert isinstance(refused.exception, NotAllowed), arguments
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", secret)
    assert run("add", "twilio", "+12025550108", "--rate", "5", group=senders.commands).exit_code == 0
    assert audited("add")[0] == ADMIN


def test_a_database_that_was_not_migrated_is_told_in_a_line(
    own_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    as_owner("ALTER TABLE operators RENAME TO others")
    monkeypatch.setattr("sys.argv", ["tocsin", "operators", "list"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "tocsin: The database does not have this version's tables. Run `tocsin migrate`.\n"
    )


def test_who_changes_the_staff_may_be_named_and_must_be_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", key_of(ADMIN, "chief"))
    added = run("add", "new@tocsin.example.org", "--role", "author", "--as", ADMIN)
    assert added.exit_code == 0, added.exception
    assert audited("add")[0] == ADMIN
    key = run("add", "laptop", "--as", AUTHOR, group=key_commands)
    assert len(key.stdout.split()) == 1  # the key alone, for scripts
    assert "shown only once" in key.stderr
    assert run("revoke", "laptop", "--as", ADMIN, group=key_commands).exit_code == 0
    for command in (("role", AUTHOR, "admin"), ("limit", AUTHOR, "5"), ("disable", AUTHOR), ("enable", AUTHOR)):
        assert isinstance(run(*command, "--as", AUTHOR).exception, NotAllowed | NotFound)  # by then disabled
        assert run(*command, "--as", ADMIN).exit_code == 0


def test_limits_are_set_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_OPERATOR_KEY", key_of(ADMIN, "chief"))
    limited = run("limit", AUTHOR, "500", "--topic", "snow", "--hours", "22:00-06:00")
    assert (
        limited.stdout == f"{AUTHOR}: another person above 500 contacts; only about snow; only sent at 22:00-06:00.\n"
    )
    told = json.loads(run("limit", AUTHOR, "--topic", "all", "--json").stdout)
    assert told == {"email": AUTHOR, "audience_limit": 500, "topics": None, "zones": None, "hours": "22:00-06:00"}
    assert run("limit", AUTHOR, "--hours", "all").stdout == f"{AUTHOR}: another person above 500 contacts.\n"
    assert run("limit", AUTHOR).stdout == f"{AUTHOR}: no limit.\n"
    assert isinstance(run("limit", AUTHOR, "--hours", "night").exception, Invalid)
