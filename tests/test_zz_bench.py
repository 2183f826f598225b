import time
from pathlib import Path
from collections import Counter
from datetime import datetime, UTC
from sqlalchemy import event
from notify.db import engine
from notify.subscribers.importing import import_csv
from zones.city import TrainingCity
def rss(): return int(Path("/proc/self/statm").read_text().split()[1])*4//1024
def test_bench(database, tmp_path):
    p=tmp_path/"r.csv"; TrainingCity().write_residents_csv(p,178000)
    spent=Counter()
    @event.listens_for(engine(), "before_cursor_execute")
    def b(conn, cursor, statement, *a): conn.info["t"]=time.time()
    @event.listens_for(engine(), "after_cursor_execute")
    def a(conn, cursor, statement, *a): spent[" ".join(statement.split())[-90:]]+=time.time()-conn.info["t"]
    marks=[]
    t=time.time(); c=time.process_time(); print("rss", rss())
    r=import_csv(p, datetime.now(UTC), on_progress=lambda k: marks.append((k,round(time.time()-t,1),rss())))
    print("total", time.time()-t, "cpu", time.process_time()-c, r.rows, r.kept, r.new, marks[::5], marks[-1])
    for k,v in spent.most_common(9): print(f"{v:.2f} {k}")
    t=time.time(); r=import_csv(p, datetime.now(UTC)); print("again", time.time()-t, r.new, rss())
