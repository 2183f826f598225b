"""Alerts from before an alert's launch was part of its approval."""

import hashlib
import json
from datetime import timedelta

from alembic import command
from sqlalchemy import text

from notify import migrations
from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.models import Alert
from notify.models.states import AlertState
from tests.factories import NOW, alert_draft, alert_ready, operator, sender, zone
from tests.owner import owning

HOUR = timedelta(hours=1)


def old_hash(alert: Alert, words: list[list[str]]) -> str:
    """As it was before migration 0022: without the launch."""
    approved = [
        alert.area_hash, alert.status, alert.topic.value, alert.lane.value, sorted(alert.channels),
        alert.expires_at.isoformat(), words,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(approved, ensure_ascii=False).encode()).hexdigest()


def test_what_was_scheduled_is_launched_and_what_never_could_be_rings(own_database: str) -> None:
    with owning() as s:
        zone(s)
        sender(s)
        scheduled, changed = (alert_ready(s, launch_at=NOW + HOUR) for _ in range(2))
        for alert in (scheduled, changed):
            lifecycle.launch(s, alert.id, operator(s), NOW)
            words = s.execute(
                text("""SELECT channel, language, subject, text, html FROM contents WHERE alert_id = :a
                         ORDER BY channel, language"""),
                {"a": alert.id},
            ).all()
            alert.approved_hash = old_hash(alert, [list(row) for row in words]) if alert is scheduled else "another"
        hopeless = alert_draft(s)
        s.flush()
        for statement in (
            "ALTER TABLE alerts DROP CONSTRAINT launch_before_end, DROP CONSTRAINT emergency_by_two,"
            " DROP COLUMN two_people CASCADE",
            "CREATE TRIGGER alerts_frozen_after_launch BEFORE UPDATE ON alerts FOR EACH ROW"
            " WHEN (OLD.launched_at IS NOT NULL AND OLD.area IS DISTINCT FROM NEW.area)"
            " EXECUTE FUNCTION refuse_change_after_launch()",
            f"UPDATE alerts SET launch_at = expires_at WHERE id = {hopeless.id}",
            "UPDATE alembic_version SET version_num = '0021'",
        ):
            s.execute(text(statement))
    command.upgrade(migrations._config(), "0022")
    with transaction() as s:
        assert [one.id for one in lifecycle.launch_due(s, NOW + HOUR)] == [scheduled.id]
        ended = s.get_one(Alert, hopeless.id)
        assert ended.state is AlertState.EXPIRED
        told = s.execute(text("SELECT kind, alert_id FROM alarms ORDER BY alert_id")).all()
        assert [tuple(row) for row in told] == [("launch-failed", changed.id), ("alert-unsent", hopeless.id)]
