"""A city with one alert, whose life can begin anew, and which a backup can put back to where it was."""

from datetime import UTC, datetime

from sqlalchemy import Engine, text

from notify.alerts.writing.wordings import Part, Wording
from notify.core.db import transaction
from notify.core.settings import Settings
from notify.core.states import FINISHED, SETTLED
from notify.delivery import senders
from notify.delivery.leases import Lease
from notify.delivery.transport import Transport
from tests.database import sql
from tests.factories import Person, alert_resolved, residents, sender, square, zone
from tests.notify.delivery.carrier import Carrier

PEOPLE = 6

# What is put back when a life begins anew, and when a backup is restored. Facts that nobody deletes stay.
KEPT = (
    "batches", "deliveries", "receipts", "carrier_blocks", "carrier_refusals", "suppressions", "preferences", "choices",
)  # fmt: skip
ALERT = ("state", "finished_at", "ask_since")


class City:
    """Six residents, two senders, and an alert whose audience is resolved, in two wordings: two of the residents live
    in its part. The carrier doubts one resident and sender: there was a STOP, and START to another one."""

    def __init__(
        self, engine: Engine, transport: Transport, carrier: Carrier, ours: Settings, event: str = "storm"
    ) -> None:
        self.transport, self.carrier, self.settings = transport, carrier, ours
        self._engine = engine
        now = datetime.now(UTC)
        with transaction() as s:
            zone(s, now=now)
            homes = [(0.2, 0.2) if n >= PEOPLE - 2 else (0.5, 0.5) for n in range(PEOPLE)]
            who = residents(s, [Person(at=[home], topics=("storm", "snow")) for home in homes], now=now)
            fast, slow = sender(s, now=now), senders.add(s, "twilio", "+15555550200", 50.0, now)
            self.senders = {fast.id: fast.address, slow.id: slow.address}
            doubted = "INSERT INTO carrier_blocks (sender_id, address_index, at, lifted_at, doubtful) SELECT :sender,"
            doubted += " address_index, :now, :now, true FROM contacts WHERE id = :contact"
            s.execute(text(doubted), {"sender": fast.id, "contact": who[0].sms, "now": now})
        self.contacts = [one.sms or 0 for one in who]
        self.wordings = dict(zip(self.contacts, [0] * (PEOPLE - 2) + [1, 1], strict=True))
        self.alert = alert_resolved(
            event=event,
            now=now,
            wording_parts=[Part(1, square(0.0, 0.0, 0.4), "West")],
            wordings=[Wording(frozenset({1}), area="the west")],
        )
        self.is_routine = event == "snow"
        self._run(
            "CREATE TABLE moves (delivery bigint, before text, after text)",
            """CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
                 INSERT INTO moves VALUES (NEW.id, OLD.state, NEW.state); RETURN NEW; END $$""",
            """CREATE TRIGGER moves AFTER UPDATE ON deliveries FOR EACH ROW WHEN (OLD.state <> NEW.state)
                 EXECUTE FUNCTION note_move()""",
            "GRANT SELECT, DELETE ON moves TO PUBLIC",
            "CREATE SCHEMA first",
            "CREATE SCHEMA backup",
            *(f"CREATE TABLE first.{one} AS TABLE {one}" for one in (*KEPT, "alerts")),
            *(f"CREATE TABLE backup.{one} AS TABLE {one}" for one in (*KEPT, "alerts")),
        )

    def begin_anew(self) -> None:
        self.carrier.forget()
        self._put_back("first")
        self.back_up()

    def back_up(self) -> None:
        tables = [*KEPT, "alerts"]
        emptied = [f"DELETE FROM backup.{one}" for one in tables]
        self._run(*emptied, *(f"INSERT INTO backup.{one} SELECT * FROM {one}" for one in tables))

    def restore(self) -> None:
        self._put_back("backup")

    def state(self) -> str:
        """The state of the alert."""
        return str(sql("SELECT state FROM alerts WHERE id = :id", id=self.alert)[0].state)

    def is_over(self) -> bool:
        settled = all(row.state in SETTLED for row in sql("SELECT state FROM deliveries"))
        return settled and self.state() in FINISHED and not sql("SELECT 1 FROM batches WHERE state <> 'done'")

    def holds(self, held: Lease) -> bool:
        return bool(sql("SELECT 1 FROM batches WHERE lease = :key AND lease_until > now()", key=held.key))

    def unwilling(self, sender_id: int) -> set[int]:
        """The contacts that this sender must not write to."""
        return {row.id for row in sql(_UNWILLING, sender=sender_id, routine=self.is_routine)}

    def _put_back(self, where: str) -> None:
        columns = ", ".join(f"{one} = kept.{one}" for one in ALERT)
        self._run(
            *(f"DELETE FROM {one}" for one in reversed(KEPT)),
            *(f"INSERT INTO {one} OVERRIDING SYSTEM VALUE SELECT * FROM {where}.{one}" for one in KEPT),
            f"UPDATE alerts SET {columns} FROM {where}.alerts AS kept WHERE kept.id = alerts.id",
            "DELETE FROM moves",
        )

    def _run(self, *statements: str) -> None:
        with self._engine.begin() as connection:
            for one in statements:
                connection.execute(text(one))


_UNWILLING = """
    SELECT c.id FROM contacts c WHERE c.channel = 'sms' AND (
           EXISTS (SELECT FROM suppressions x WHERE x.address_index = c.address_index)
        OR :routine AND EXISTS (SELECT FROM choices w WHERE w.subscriber_id = c.subscriber_id)
        OR NOT EXISTS (SELECT FROM preferences p WHERE p.subscriber_id = c.subscriber_id)
        OR EXISTS (SELECT FROM carrier_blocks k WHERE k.address_index = c.address_index
                      AND k.sender_id = :sender AND k.lifted_at IS NULL))
"""
