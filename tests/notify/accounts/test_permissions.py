"""The domain asks for the role itself, whatever route or command calls it."""

from collections.abc import Callable
from typing import Any

import pytest
from shapely.geometry import box
from sqlalchemy.orm import Session

from notify import subscribers
from notify.accounts import operator_limits, operators, resolving
from notify.alerts import lifecycle
from notify.alerts.writing import drafting
from notify.city import basemap, geocoder
from notify.city import zones as city_zones
from notify.core import alarms
from notify.core.errors import NotAllowed
from notify.core.settings import settings
from notify.delivery import senders
from notify.models import Operator
from notify.operations import restoring, rotation
from notify.training.city import CityZone
from tests import factories
from tests.factories import NOW

ELM = CityZone("custom", "Elm", None, box(-75, 40, -74.99, 40.01))
EMAIL = "approver@tocsin.example.org"
Act = Callable[[Session, Any], object]

BY_ADMINS: dict[str, Act] = {
    "add an operator": lambda s, by: operators.add(s, "new@tocsin.example.org", "author", NOW, by),
    "disable": lambda s, by: operators.disable(s, EMAIL, NOW, by),
    "enable": lambda s, by: operators.enable(s, EMAIL, NOW, by),
    "change a role": lambda s, by: operators.change_role(s, EMAIL, "admin", NOW, by),
    "limit": lambda s, by: operator_limits.change(s, by, NOW, by, contacts=5),
    "add a key": lambda s, by: operators.add_key(s, "laptop", NOW, by=by),
    "revoke a key": lambda s, by: operators.revoke_key(s, "laptop", NOW, by),
    "store zones": lambda s, by: city_zones.keep(s, "custom", [ELM], "a test", NOW, by),
    "import streets": lambda s, by: geocoder.keep_streets(s, [], "city", NOW, by),
    "import addresses": lambda s, by: geocoder.keep_addresses(s, [], "city", NOW, by),
    "import a layer": lambda s, by: basemap.replace_layer(s, "park", [], NOW, by),
    "add a sender": lambda s, by: senders.add(s, "twilio", "+15555550177", 5, NOW, by=by),
    "change a sender": lambda s, by: senders.change(s, 1, NOW, rate_per_s=5, by=by),
    "rotate the key": lambda s, by: rotation.rotate(NOW, by),
    "import residents": lambda s, by: subscribers.import_csv(["phone"], NOW, by=by),
    "export residents": lambda s, by: subscribers.note_export(s, NOW, by),
}
NOT_BY_AGENTS: dict[str, Act] = {
    "draft a storm": lambda s, by: drafting.draft(
        s, drafting.Draft("storm", zones=["Riverside"], blanks={"hazard": "tornado"}), by, NOW, settings()
    ),
    "approve": lambda s, by: lifecycle.approve(s, 1, by, NOW, settings()),
    "launch": lambda s, by: lifecycle.launch(s, 1, by, NOW),
    "pause": lambda s, by: lifecycle.pause(s, 1, by, NOW),
    "cancel": lambda s, by: lifecycle.cancel(s, 1, by, NOW),
    "resolve an alarm": lambda s, by: resolving.resolve(s, 1, NOW, by),
    "hold all alerts": lambda s, by: restoring.restored(s, NOW, by),
}


def who(s: Session, role: str) -> Operator:
    return factories.operator(s, role)


@pytest.mark.parametrize("role", ["author", "approver", "agent"])
@pytest.mark.parametrize("act", BY_ADMINS)
def test_only_an_admin_may(s: Session, act: str, role: str) -> None:
    with pytest.raises(NotAllowed, match=f"{role}@"):
        BY_ADMINS[act](s, who(s, role))


@pytest.mark.parametrize("act", NOT_BY_AGENTS)
def test_an_agent_changes_nothing_but_collection(s: Session, act: str) -> None:
    alarms.sound(s, "sender-stopped", "A sender is stopped.", NOW)
    factories.alert_draft(s, status="Test")
    with pytest.raises(NotAllowed, match="agent@"):
        NOT_BY_AGENTS[act](s, who(s, "agent"))


def test_a_key_for_reading_does_not_administer(s: Session) -> None:
    admin = who(s, "admin")
    admin.key_scopes = frozenset({"read"})
    with pytest.raises(NotAllowed, match="may not administer"):
        senders.add(s, "twilio", "+15555550177", 5, NOW, by=admin)
