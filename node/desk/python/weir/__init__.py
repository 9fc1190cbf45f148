"""Figures of a `weir desk` in notebooks.

    import weir
    desk = weir.connect("/tmp/weir")        # the directory of the desk
    desk.query("SELECT county, SUM(nox) FROM plants GROUP BY county", spend=True)

The desk holds the key; this package gets figures. It needs Python's standard library alone. A result is a pandas or
polars DataFrame where one of them is installed, else a list of dicts; coverage and noise are columns.
"""

import decimal
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
import weakref

__all__ = ["Desk", "Error", "connect", "portfolio", "query", "receipt"]

_RUNS = 600  # seconds that a query may take


class Error(Exception):
    """What the desk refuses or cannot do. `problem` is its answer, `fix` what to do."""

    def __init__(self, message, fix="", problem=None):
        super().__init__(message + (" (" + fix + ")" if fix else ""))
        self.fix, self.problem = fix, problem or {}


class _Nowhere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Desk:
    """A session with a desk."""

    def __init__(self, link):
        parts = urllib.parse.urlsplit(link)
        if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "::1"):
            raise Error("a desk is on this machine, and its link begins with http://127.0.0.1")
        self._origin = "http://" + parts.netloc
        # No proxy is asked, and no redirection followed: the session goes to the desk and nowhere else.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Nowhere()).open
        try:
            with self._open(link, timeout=30) as answer:
                self._key = answer.headers["X-Weir-Desk"]
                self._cookie = answer.headers["Set-Cookie"].split(";")[0]
        except urllib.error.HTTPError as e:
            raise Error("the link was used already, or never was one", "take it from the file anew, or start weir desk") from e
        except urllib.error.URLError as e:
            raise Error("no desk answers at " + self._origin, "start weir desk") from e

    def _call(self, path, body=None):
        headers = {"Cookie": self._cookie, "X-Weir-Desk": self._key}
        if body is not None:
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        try:
            with self._open(urllib.request.Request(self._origin + path, body, headers), timeout=120) as answer:
                return answer.read()
        except urllib.error.HTTPError as e:
            try:
                problem = json.loads(e.read())
            except ValueError:
                problem = {}
            raise Error(problem.get("message") or str(e), problem.get("fix", ""), problem) from None
        except urllib.error.URLError as e:
            raise Error("the desk does not answer", "start weir desk, and connect again") from e

    def _json(self, path, body=None):
        return json.loads(self._call(path, body))

    def query(self, sql, spend=False, frame=True, **options):
        """Asks a query. Without spend it only raises an Error that says what it would cost, unless it is in the own store
        by its id. Options are those of the API: contract, partial, complete, as_of, epsilon, delta, fresh, verify."""
        question = dict(options, sql=sql)
        if not spend:
            for past in self._json("/api/history")["queries"]:
                if past["kept"] and past.get("sql") == sql and not options:
                    return _framed(self._json("/api/answers/" + past["query"]), frame)
            explained = self._json("/api/explain", question)
            problem = explained.get("problem")
            if problem:
                raise _refused(problem, explained.get("changes"))
            x = explained["explain"]
            price = (x.get("price", "") + " " + x.get("currency", "")).strip() or "no money"
            raise Error("this query is not in your own store; it would cost " + price, "query(sql, spend=True)", explained)
        job = self._json("/api/queries", question)
        end = time.monotonic() + _RUNS
        while job["state"] == "asking":
            if time.monotonic() > end:
                raise Error("the query takes long", "ask it again: it is taken up, and charged once")
            job = self._json("/api/queries/%s?seen=%d" % (job["id"], job["seen"]))
        if job["state"] == "failed":
            problem = job["problem"]
            changes = self._json("/api/explain", question).get("changes")
            raise _refused(problem, changes)
        return _framed(job["answer"], frame)

    def receipt(self, result):
        """The receipt of a result, or of a query's id, verified, as bytes for a file .tlog-proof."""
        query = result if isinstance(result, str) else about(result)["query"]
        return self._call("/api/answers/" + urllib.parse.quote(query) + "/receipt")

    def portfolio(self):
        """One's own private lists and weights, as the ledger knows them."""
        return self._json("/api/portfolios")["portfolios"]


def _refused(problem, changes):
    fix = problem.get("fix", "")
    if changes:
        fix = changes[0]["words"] + ": " + changes[0]["question"]["sql"]
    return Error(problem["message"], fix, problem)


class Rows(list):
    """Rows as dicts, where there is neither pandas nor polars. attrs says what the result is."""

    def __init__(self, rows, attrs):
        super().__init__(rows)
        self.attrs = attrs


_about = {}


def about(result):
    """What a result is: its query, dataset, version, and sentences on what it lacks."""
    attrs = getattr(result, "attrs", None)
    return attrs if attrs else _about[id(result)]


def _framed(answer, frame):
    table = answer["table"]
    names = [c["name"] for c in table["columns"]]
    decimals = [c["type"] == "decimal" for c in table["columns"]]
    rows = []
    noise = table.get("interval95") or []
    # A column of noise is there in every row, or in none: the first row may have no figure.
    noised = [any(halves and halves[j] is not None for halves in noise) for j in range(len(names))]
    for i, cells in enumerate(table["rows"]):
        row = {}
        for name, exact, cell in zip(names, decimals, cells):
            row[name] = decimal.Decimal(cell) if exact and cell is not None else cell
        for j, name in enumerate(names):
            if noised[j]:
                half = noise[i][j] if noise[i] else None
                row[name + "_interval95"] = None if half is None else decimal.Decimal(half)
        if table.get("of"):
            row["entities_included"], row["entities_of"] = table["included"][i], table["of"][i]
        if table.get("omitted_periods"):
            row["periods_left_out"] = table["omitted_periods"][i]
        rows.append(row)
    attrs = {k: answer.get(k) for k in ("query", "dataset", "version", "price", "currency", "whole", "shortfall")}
    attrs["units"] = {c["name"]: c["unit"] for c in table["columns"] if c["unit"]}
    if not frame:
        return Rows(rows, attrs)
    try:
        import pandas

        out = pandas.DataFrame(rows, columns=list(rows[0]) if rows else names)
        out.attrs = attrs
        return out
    except ImportError:
        pass
    try:
        import polars

        columns = {c: [r[c] for r in rows] for c in rows[0]} if rows else {c: [] for c in names}
        out = polars.DataFrame(columns)
        _about[id(out)] = attrs  # it has no place for them itself
        weakref.finalize(out, _about.pop, id(out), None)
        return out
    except ImportError:
        return Rows(rows, attrs)


_desk = None


def connect(where=None):
    """A session by a link, or by the directory of a desk (default: the environment's WEIR_DIR), whose file desk.link has
    one. The last session is that of weir.query, weir.receipt and weir.portfolio."""
    global _desk
    where = where or os.environ.get("WEIR_DIR", "")
    link = where
    if not where.startswith("http://"):
        try:
            with open(os.path.join(where, "desk.link"), encoding="ascii") as f:
                link = f.read().strip()
        except FileNotFoundError as e:
            raise Error("no desk runs on " + (where or "this directory"), "start weir desk --dir DIR") from e
    _desk = Desk(link)
    return _desk


def _session():
    return _desk or connect()


def query(sql, **options):
    """Desk.query of the last session."""
    return _session().query(sql, **options)


def receipt(result):
    """Desk.receipt of the last session."""
    return _session().receipt(result)


def portfolio():
    """Desk.portfolio of the last session."""
    return _session().portfolio()
