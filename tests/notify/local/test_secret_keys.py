"""The keys of a data folder through a rotation: none is lost, and processes get what they need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from notify.local import secret_keys
from notify.local.credentials import Credentials, keep
from notify.local.folder import read_env, write_env
from notify.local.secret_keys import KEY, PREVIOUS
from notify.local.stack import Stack

NEW, OTHER = "n" * 64, "o" * 64


def up(data: Path, **chosen: str) -> dict[str, str]:
    """What `tocsin up` does about keys; returns what its processes get."""
    kept = secret_keys.note(data, chosen)
    given = secret_keys.settings(kept, chosen)
    write_env(data, given)
    return given


def everywhere(data: Path) -> str:
    return (data / "secrets.json").read_text() + (data / "env").read_text()


def test_a_rotation_from_begin_to_end(tmp_path: Path) -> None:
    old = keep(tmp_path).secret_key
    assert up(tmp_path) == {KEY: old}
    both = {KEY: NEW, PREVIOUS: old}
    assert up(tmp_path, **both) == both
    assert up(tmp_path) == both, "whichever is in force: before and after the switch, and after a kill"
    assert secret_keys.replaced(tmp_path, NEW)
    assert secret_keys.replaced(tmp_path, NEW), "again, after a kill"
    kept = keep(tmp_path)
    assert (kept.secret_key, kept.next_secret_key, kept.other_secret_keys) == (NEW, "", [old])
    assert read_env(tmp_path) == {KEY: NEW}
    assert up(tmp_path) == {KEY: NEW}
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_key_that_env_alone_has_is_kept_and_used(tmp_path: Path) -> None:
    """It was replaced by an earlier version, which told nobody but the processes."""
    old = keep(tmp_path).secret_key
    write_env(tmp_path, {KEY: NEW, PREVIOUS: old})
    assert up(tmp_path) == {KEY: NEW, PREVIOUS: old}
    assert NEW in (tmp_path / "secrets.json").read_text()


def test_no_key_is_lost_to_another(tmp_path: Path) -> None:
    old = keep(tmp_path).secret_key
    up(tmp_path, **{KEY: NEW, PREVIOUS: old})
    assert up(tmp_path, **{KEY: OTHER, PREVIOUS: old}) == {KEY: OTHER, PREVIOUS: old}
    assert NEW in everywhere(tmp_path), "a rotation to it may have begun"
    own = "w" * 64
    assert up(tmp_path, **{KEY: own}) == {KEY: own}, "a key of one's own"
    up(tmp_path)
    assert all(key in everywhere(tmp_path) for key in (old, NEW, OTHER, own))


def test_a_key_that_is_too_short_is_not_taken_for_the_next(tmp_path: Path) -> None:
    old = keep(tmp_path).secret_key
    up(tmp_path, **{KEY: "short"})
    assert up(tmp_path) == {KEY: old}


def test_a_key_that_the_folder_does_not_know_changes_nothing(tmp_path: Path) -> None:
    assert not secret_keys.replaced(tmp_path / "none", NEW)
    before = keep(tmp_path)
    assert not secret_keys.replaced(tmp_path, NEW)
    assert keep(tmp_path) == before


def test_secrets_of_an_earlier_version_can_be_read(tmp_path: Path) -> None:
    keep(tmp_path)
    path = tmp_path / "secrets.json"
    told = json.loads(path.read_text())
    del told["next_secret_key"], told["other_secret_keys"]
    path.write_text(json.dumps(told))
    assert isinstance(keep(tmp_path), Credentials)


@pytest.mark.long
def test_up_with_a_wrong_key_says_so_in_one_line_and_names_the_file(tmp_path: Path) -> None:
    data = tmp_path / "tocsin-data"
    env = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("TOCSIN_")]:
            environment.delenv(name)
        with Stack(data, port=0):
            pass
    command = [sys.executable, "-m", "notify.cli", "up", "--port", "0", "--data", str(data)]
    done = subprocess.run(command, env=env | {KEY: OTHER}, capture_output=True, text=True, timeout=240)
    said = [line for line in done.stderr.splitlines() if line.startswith("tocsin: ")]
    assert (done.returncode, len(said)) == (2, 1), done.stderr
    assert "is not the key that this database was written with" in said[0]
    assert str(data / "secrets.json") in said[0]
    assert "alembic" not in said[0], "of log lines nothing"
    assert "up to date" not in said[0]
    assert len(said[0]) < 450 + len(str(data)), said[0]
