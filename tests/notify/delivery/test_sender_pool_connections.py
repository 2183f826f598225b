"""Who asks for the senders within a transaction never waits for those who do the same."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from notify.core import db
from notify.core.db import transaction
from notify.delivery import sender_pool
from tests import factories


def test_all_connections_in_use_keep_nobody_from_the_senders(database: str) -> None:
    with transaction() as s:
        factories.sender(s)
    pool = db.engine().pool
    many = pool.size() + pool._max_overflow  # type: ignore[attr-defined]
    sender_pool.read_anew()
    together = Barrier(many)

    def ask(_number: int) -> int:
        with transaction() as s:
            s.connection()
            together.wait(60)  # now every connection is held
            return len(sender_pool.open_senders("sms"))

    with ThreadPoolExecutor(many) as threads:
        assert list(threads.map(ask, range(many), timeout=25)) == [1] * many  # the pool would give up after 30 s
