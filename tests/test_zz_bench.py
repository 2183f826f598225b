import time
from collections import Counter
from datetime import datetime, UTC
from sqlalchemy import event
from notify.db import engine
from notify.subscribers.importing import import_csv
from zones.city import TrainingCity


def test_bench(database, tmp_path):
    p = tmp_path / "r.csv"
    TrainingCity().write_residents_csv(p, 30000)
    spent = Counter()

    @event.listens_for(engine(), "before_cursor_execute")
    def b(conn, cursor, statement, *a):
        conn.info["t"] = time.time()

    @event.listens_for(engine(), "after_cursor_execute")
    def a(conn, cursor, statement, *a):
        spent[" ".join(statement.split())[-90:]] += time.time() - conn.info["t"]

    t = time.time()
    import_csv(p, datetime.now(UTC))
    print("total", time.time() - t)
    for k, v in spent.most_common(9):
        print(f"{v:.2f} {k}")
