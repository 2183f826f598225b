"""A stateful model of the deliveries of one alert: our code and PostgreSQL do the work.

A provider that remembers what it has taken (`carrier.py`) is the judge: nobody is written to twice or against their
will, and every life ends. `test_life_of_a_delivery` runs it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import delete

from notify.alerts import lifecycle
from notify.alerts.reporting import reports
from notify.channels.contract import Receipt, ReceiptState
from notify.core.db import transaction
from notify.core.states import HELD_BACK, PASSED_ON, PERHAPS_OUT
from notify.delivery import carrier_blocks, claims, leases, receipts, reconcile, recording, recovery, requests
from notify.delivery import held as held_module
from notify.delivery.leases import Lease
from notify.delivery.outcomes import Outcome, outcomes
from notify.models import Choices, Contact, Preference
from notify.operations import restoring
from notify.subscribers import consent
from tests.database import sql
from tests.notify.core import test_states
from tests.notify.delivery.carrier import Fate
from tests.notify.delivery.one_alert import PEOPLE, City

R = ReceiptState
MOVES = {(a, b) for a, after in test_states.table(test_states.DELIVERY).items() for b in after}
TOLD = [R.ACCEPTED, R.DELIVERED, R.UNDELIVERED, R.FAILED]
LOST = {R.UNDELIVERED: "30003", R.FAILED: "30008"}


@dataclass(slots=True)
class Worker:
    """A lease, and what its worker knows and has not recorded yet: by claim."""

    held: Lease
    unrecorded: list[tuple[datetime, list[Outcome]]] = field(default_factory=list)
    last: int = 0


fates = st.lists(st.sampled_from(Fate), min_size=PEOPLE, max_size=PEOPLE)
one_of_few = st.integers(0, 5)
one_some_all = st.sampled_from([1, 3, PEOPLE])


class Change(StrEnum):
    CONSENT = "a resident opts out, or comes back"
    LEAVE_TOPIC = "a resident leaves the topic"
    PAUSE = "the alert is paused, or resumed"
    CANCEL = "the alert is cancelled"
    EXPIRE = "the alert expires"
    QUIET = "the quiet time of a resident begins, or ends"


class Life(RuleBasedStateMachine):
    """All that may happen to the deliveries of an alert."""

    def __init__(self, city: City) -> None:
        super().__init__()
        self.city, self.carrier = city, city.carrier
        self.workers: list[Worker] = []
        self.besides: set[tuple[str, str]] = set()  # moves that this step may make, and no other
        city.begin_anew()

    # Workers.

    @initialize(by=st.booleans(), fates=fates, most=one_some_all)
    def begin(self, by: bool, fates: Sequence[Fate], most: int) -> None:
        self.send(0, True, by, fates, most)

    @rule(which=one_of_few, is_new=st.booleans(), by=st.booleans(), fates=fates, most=one_some_all)
    def send(self, which: int, is_new: bool, by: bool, fates: Sequence[Fate], most: int) -> None:
        """Take a batch if one waits; claim, and post: between these two there is half a second at most."""
        waiting = sql("SELECT id FROM batches WHERE state = 'waiting' ORDER BY id")
        if waiting and (is_new or not self.workers):
            held = leases.lease(waiting[which % len(waiting)].id, 60)
            assert (held is not None) == (self.city.state() == "sending")
            if held is not None:
                self.workers.append(Worker(held))
        if self.workers:
            worker = self.workers[-1 - which % len(self.workers)]
            sender_id = worker.held.only_sender or list(self.city.senders)[by]
            late = worker.held.expires_at - timedelta(seconds=leases.LAST_S)
            assert not claims.claim(worker.held, sender_id, PEOPLE, late)
            self.send_as(worker, sender_id, dict(enumerate(fates)), most)

    @precondition(lambda self: self.workers)
    @rule(which=one_of_few, times=st.integers(0, 2), gives_back=st.booleans())
    def record(self, which: int, times: int, gives_back: bool) -> None:
        """Perhaps long after it was overtaken, and perhaps twice; not at all while PostgreSQL refuses it."""
        worker = self.workers[which % len(self.workers)]
        for _ in range(times):
            self.record_of(worker)
        if times:
            worker.unrecorded.clear()
        if gives_back:
            leases.finish(worker.held)

    @precondition(lambda self: self.workers)
    @rule(which=one_of_few, dies=st.booleans())
    def overtake(self, which: int, dies: bool) -> None:
        """A worker is so slow that its lease runs out; or it dies, and records nothing any more."""
        worker = self.workers[which % len(self.workers)]
        sql("UPDATE batches SET lease_until = now() - interval '1 second' WHERE lease = :key", key=worker.held.key)
        if dies:
            self.workers.remove(worker)

    # The provider, and residents.

    @precondition(lambda self: self.carrier.posts)
    @rule(which=st.integers(0, 9), told=st.sampled_from(TOLD), times=st.integers(1, 2), applied=st.booleans())
    def receipt(self, which: int, told: ReceiptState, times: int, applied: bool) -> None:
        post = self.carrier.posts[which % len(self.carrier.posts)]
        barred = post.is_blocked and told is not R.ACCEPTED
        if barred:
            told = R.FAILED
        code = "21610" if barred else LOST.get(told, "")
        receipt = Receipt(post.delivery_id, told, code, post.reference, f"{post.reference}:{told}")
        if barred:
            receipt = replace(receipt, suppress="carrier-block", blame="recipient")
        for _ in range(times):
            receipts.store("twilio", [receipt], datetime.now(UTC))
        post.refused |= barred
        if applied:
            self.apply_receipts()

    @rule(what=st.sampled_from(Change), who=st.integers(0, PEOPLE - 1))
    def change(self, what: Change, who: int) -> None:
        """What people do: one rule for all of it, or workers would rarely get to anything. Those that hold a batch
        try to go on at once with an alert that was stopped."""
        contact, alert, now, state = self.city.contacts[who], self.city.alert, datetime.now(UTC), self.city.state()
        with transaction() as s:
            match what:
                case Change.CONSENT if contact in self.city.unwilling(next(iter(self.city.senders))):
                    consent.opt_back_in(s, "sms", contact, how="a test", now=now)
                case Change.CONSENT:
                    consent.opt_out(s, "sms", contact, how="a test", now=now)
                case Change.LEAVE_TOPIC:
                    person = s.get_one(Contact, contact).subscriber_id
                    s.execute(delete(Preference).where(Preference.subscriber_id == person))
                case Change.QUIET:
                    person = s.get_one(Contact, contact).subscriber_id
                    chosen = s.get(Choices, person)
                    if chosen is not None:
                        s.delete(chosen)
                    else:
                        begin, end = ((now + timedelta(hours=h)).time() for h in (-6, 6))
                        s.add(Choices(subscriber_id=person, quiet_from=begin, quiet_to=end, timezone="UTC"))
                case Change.PAUSE if state == "sending":
                    lifecycle.pause(s, alert, None, now)
                case Change.PAUSE if state == "paused":
                    lifecycle.resume(s, alert, None, now)
                case Change.CANCEL if state in ("sending", "paused"):
                    lifecycle.cancel(s, alert, None, now)
                case Change.EXPIRE if state in ("sending", "paused"):
                    assert lifecycle.expire_due(s, now + timedelta(days=90)) == [alert]
        if self.city.state() != "sending":
            for worker in self.workers:
                assert not claims.claim(worker.held, next(iter(self.city.senders)), PEOPLE, worker.held.now())

    def resume(self) -> None:
        if self.city.state() == "paused":
            with transaction() as s:
                lifecycle.resume(s, self.city.alert, None, datetime.now(UTC))

    @rule(backs_up=st.sampled_from([True, True, False]))
    def restore(self, backs_up: bool) -> None:
        """All processes are stopped. What they did since the backup is forgotten here, and not by the carrier."""
        if backs_up:
            self.city.back_up()
            return
        self.workers.clear()
        self.city.restore()
        self.besides = {(a, "unknown") for a in PERHAPS_OUT}
        with transaction() as s:
            restoring.restored(s, datetime.now(UTC))
        assert self.city.state() != "sending"
        self.resume()

    # The scheduler, and workers who clear up.

    @rule(silent=st.booleans())
    def reconcile(self, silent: bool) -> None:
        """Take back what was lost, and ask about it."""
        recovery.take_back_expired_leases()
        self.ask(silent=silent)

    @rule(job=st.sampled_from(["apply_receipts", "settle_refusals", "end", "release"]))
    def scheduler(self, job: str) -> None:
        getattr(self, job)()

    def apply_receipts(self) -> None:
        self.besides |= {(a, b) for a in HELD_BACK for b in TOLD}
        receipts.apply(datetime.now(UTC))

    def settle_refusals(self) -> None:
        self.besides = {(a, "queued") for a in PASSED_ON}
        carrier_blocks.settle_refusals(datetime.now(UTC))

    def release(self) -> None:
        """On the next day, whoever has quiet time then; perhaps by two schedulers."""
        held_module.release(datetime.now(UTC) + timedelta(days=1))

    def end(self) -> None:
        recovery.end_leftovers(datetime.now(UTC))
        recovery.finish_alerts(datetime.now(UTC))

    # What must always be so.

    @invariant()
    def nothing_is_wrong(self) -> None:
        assert self.carrier.wrong == []
        moved = {(row.before, row.after) for row in sql("DELETE FROM moves RETURNING before, after")}
        assert moved <= MOVES | self.besides
        self.besides = set()
        rows = sql("SELECT contact_id, state FROM deliveries")
        assert sorted(row.contact_id for row in rows) == self.city.contacts
        in_batches = "SELECT d.contact_id, b.wording FROM deliveries d JOIN batches b ON b.id = d.batch_id"
        assert dict(map(tuple, sql(in_batches))).items() <= self.city.wordings.items()
        with transaction() as s:
            told = reports.progress(s, self.city.alert).deliveries
        assert {state: n for state, n in told.items() if n} == _counted([row.state for row in rows])

    def teardown(self) -> None:
        """From wherever it is, it comes to an end, and the end is true."""
        self.carrier.fates.clear()
        self.workers.clear()
        sql("DELETE FROM choices")
        sql("UPDATE batches SET lease_until = now() - interval '1 second' WHERE state = 'leased'")
        for by in list(self.city.senders) * 4:
            if self.city.is_over():
                break
            self.work_on(by)
        assert self.city.is_over(), sql("SELECT state, reason FROM deliveries")
        self.nothing_is_wrong()
        for row in sql("SELECT id, state, reason FROM deliveries"):
            reached = bool(self.carrier.out(row.id))
            told = sql("SELECT 1 FROM receipts WHERE delivery_id = :id AND state = 'failed'", id=row.id)
            ends = {"accepted", "delivered", "undelivered"} | ({"failed"} if told else set())
            assert not reached or row.state in ends, row
            assert row.state not in ("delivered", "undelivered") or reached, row
            asked = any(post.delivery_id == row.id for post in self.carrier.posts)
            assert row.state != "accepted" or asked, row

    # Helpers.

    def send_as(self, worker: Worker, sender_id: int, fates: dict[int, Fate], most: int) -> None:
        held, now = worker.held, worker.held.now()
        unwilling, is_held = self.city.unwilling(sender_id), self.city.holds(held)
        is_sending = self.city.state() == "sending"
        claimed = claims.claim(held, sender_id, most, now, worker.last) or []
        assert not claimed or (is_sending and is_held)
        assert unwilling.isdisjoint(one.contact_id for one in claimed)
        assert {("the west" in held.text) == bool(self.city.wordings[one.contact_id]) for one in claimed} <= {True}
        if not claimed:
            return
        worker.last = max(one.delivery_id for one in claimed)
        attempts = {one.delivery_id: one.attempts for one in claimed}
        self.carrier.fates |= {one.delivery_id: fates[self.city.contacts.index(one.contact_id)] for one in claimed}
        left = [one for one in claimed if self.carrier.fates[one.delivery_id] is not Fate.NEVER]
        opened, _ = requests.recipients(left, held, self.city.settings)
        words, address = requests.content(held, self.city.settings), self.city.senders[sender_id]
        messages = [requests.message(words, address, [one], self.city.settings, None) for one in opened]
        posted = self.city.transport.post("twilio", messages, [time.monotonic()] * len(messages))
        most_tries = self.city.settings.max_attempts
        worker.unrecorded.append((now, [o for one in posted for o in outcomes(one, attempts, most_tries)]))

    def record_of(self, worker: Worker) -> None:
        self.besides |= {(a, "accepted") for a in HELD_BACK}
        for claimed_at, known in worker.unrecorded:
            recording.record(known, claimed_at, datetime.now(UTC))

    def ask(self, *, silent: bool) -> None:
        """A batch that has only unknown deliveries left is handed out once more, and waits to be asked about."""
        for batch in sql("SELECT id FROM batches WHERE state = 'waiting'"):
            queued = "SELECT 1 FROM deliveries WHERE state = 'queued' AND batch_id = :batch"
            if not sql(queued, batch=batch.id) and (held := leases.lease(batch.id, 60)):
                leases.finish(held)
        self.carrier.is_silent = silent
        for batch in sql("SELECT id FROM batches WHERE state = 'unsettled'"):
            reconcile.reconcile_batch(batch.id, self.city.settings, self.city.transport)
        self.carrier.is_silent = False

    def work_on(self, sender_id: int) -> None:
        """What workers and the scheduler do in a second, when all goes well."""
        self.resume()
        for step in (
            self.apply_receipts,
            self.settle_refusals,
            self.end,
            self.release,
            partial(self.reconcile, silent=False),
        ):
            step()
            self.nothing_is_wrong()
        for batch in sql("SELECT id FROM batches WHERE state = 'waiting'"):
            if held := leases.lease(batch.id, 60):
                worker = Worker(held)
                self.send_as(worker, held.only_sender or sender_id, dict.fromkeys(range(PEOPLE), Fate.TAKEN), PEOPLE)
                self.record_of(worker)
                leases.finish(held)
        self.end()


def _counted(states: Sequence[str]) -> dict[str, int]:
    return {state: states.count(state) for state in states}
