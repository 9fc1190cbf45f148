"""Does with a desk what Excel and other tools do through psqlODBC: host port password."""
import datetime
import decimal
import sys
import threading
import pyodbc

host, port, password = sys.argv[1:4]


def connect(more="", **options):
    return pyodbc.connect(f"DRIVER={{PostgreSQL Unicode}};SERVER={host};PORT={port};DATABASE=weir;UID=weir;PWD={password};SSLmode=disable;{more}", **options)


def refused(state, do, *words):
    try:
        do()
    except pyodbc.Error as e:
        assert e.args[0] == state, e
        for w in words:
            assert w in e.args[1], (w, e)
        return
    raise AssertionError(f"it is not refused with {state}")


dashboard = 'SELECT "works"."county", SUM("works"."nox") AS "sum" FROM "weir"."public"."works" "works" WHERE "works"."period" >= ? GROUP BY "works"."county" ORDER BY 1'
want = [("north", decimal.Decimal("600.06")), ("south", decimal.Decimal("2400.09"))]
since = datetime.date(2024, 2, 1)
c = connect(autocommit=True)
k = c.cursor()
# A column that was dragged spends nothing, and the error says what it would cost.
refused("55000", lambda: k.execute(dashboard, since).fetchall(), "10.00 CNY")
k.execute("SET weir.spend = on")
# A hundred refreshes are one charge, by prepared statements and by statements with their parameters in them.
plain = connect("UseServerSidePrepare=0", autocommit=True)
for i in range(100):
    if i == 1:
        k.execute("SET weir.spend = off")
    got = [tuple(r) for r in [k, plain.cursor()][i % 2].execute(dashboard, since).fetchall()]
    assert got == want, got
refused("42501", lambda: k.execute("SELECT SUM(nox) FROM works WHERE firm = 'f1'").fetchall())

# Rows by cursors that the driver declares, in pieces, some of them left open.
for more in ("UseDeclareFetch=1;Fetch=4", "UseDeclareFetch=1;Fetch=4;UseServerSidePrepare=0", "UseDeclareFetch=0"):
    for autocommit in (False, True):
        d = connect(more, autocommit=autocommit)
        q = d.cursor()
        assert len(q.execute("SELECT firm, period FROM works").fetchall()) == 15
        rows = q.execute("SELECT firm, county, period, nox FROM works WHERE period = ? AND firm > ? ORDER BY firm", since, "f2").fetchall()
        assert [tuple(r) for r in rows] == [("f3", "south", since, None), ("f4", "south", since, None)], rows
        for _ in range(30):
            o = d.cursor()
            o.execute("SELECT firm, period FROM works")
            assert o.fetchone()[0] == "f1"
        d.commit()
        assert q.execute("SELECT count(*) FROM pg_catalog.pg_class WHERE relname = ?", "works").fetchone()[0] == 1
        refused("42P01", lambda: q.execute("SELECT * FROM wroks").fetchall(), "wroks")
        d.rollback()
        assert q.execute("SELECT 1").fetchone()[0] == 1
        d.close()

# Types of values and parameters.
row = k.execute("SELECT 1::int2, 2::int8, 3.5::numeric, 'x'::text, NULL::date, TRUE, '2024-05-07'::date, 1.5::float8").fetchone()
assert tuple(row)[:5] == (1, 2, decimal.Decimal("3.5"), "x", None) and row[6] == since.replace(month=5, day=7) and row[7] == 1.5, row
k.execute("SET weir.spend = on")
row = k.execute("SELECT COUNT(*) FROM works WHERE county IN (?, ?) AND period BETWEEN ? AND ?", "north", "O'Hara", datetime.datetime(2024, 2, 1), datetime.date(2024, 3, 1)).fetchone()
assert row[0] == 4, row
row = k.execute("SELECT {fn UCASE(county)} FROM works WHERE period >= {d '2024-03-01'} AND firm = {fn LCASE('F1')}").fetchone()
assert row[0] == "NORTH", row
assert k.execute("SELECT COUNT(*) FROM works WHERE period >= {ts '2024-03-01 00:00:00'}").fetchone()[0] == 5
# Refusals.
refused("25006", lambda: k.execute("INSERT INTO works VALUES ('a')"))
refused("42703", lambda: k.execute("SELECT SUM(nix) FROM works").fetchall(), "nix")
# A statement that takes too long is cancelled, and the connection is of use afterwards.
threading.Timer(0.5, k.cancel).start()
refused("57014", lambda: k.execute("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r").fetchall())
assert k.execute("SELECT 1").fetchone()[0] == 1
# More parameters than are taken.
refused("54000", lambda: k.execute("SELECT 1 WHERE 'a' IN (" + ",".join("?" * 1001) + ")", *["a"] * 1001))
assert k.execute("SELECT 1").fetchone()[0] == 1
print("ok")
