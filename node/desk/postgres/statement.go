package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// outcome is what a statement has done.
type outcome struct {
	result *pgcatalog.Result // nil: it gives no rows
	tag    string
	counts bool // the tag counts the rows that were sent
	copy   *copyOptions
}

func done(tag string) (*outcome, error) { return &outcome{tag: tag}, nil }

func rowsOf(r *pgcatalog.Result) *outcome {
	return &outcome{result: r, tag: fmt.Sprintf("SELECT %d", len(r.Rows)), counts: true}
}

// isQuery reports whether a statement reads.
func isQuery(list []token.Token) bool {
	return len(list) > 0 && list[0].Is("SELECT", "WITH", "VALUES", "TABLE", "(")
}

// execute runs a statement.
func (n *session) execute(ctx context.Context, list []token.Token) (*outcome, error) {
	if n.status == failedTx && !list[0].Is("ROLLBACK", "ABORT", "COMMIT", "END") {
		return nil, fail(stateAborted, "ROLLBACK", "the transaction has failed, and nothing is done until it ends")
	}
	if isQuery(list) {
		r, err := n.query(ctx, list, false)
		if err != nil {
			return nil, err
		}
		return rowsOf(r), nil
	}
	switch word := strings.ToUpper(list[0].Text); word {
	case "SET", "RESET":
		return n.set(word, list)
	case "SHOW":
		return n.show(list[1:])
	case "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE":
		return n.transaction(word, list)
	case "DISCARD":
		return n.discard(list[1:])
	case "DEALLOCATE":
		return n.deallocate(list[1:])
	case "DECLARE":
		return n.declare(ctx, list)
	case "FETCH", "MOVE":
		return n.fetch(word, list[1:])
	case "CLOSE":
		return n.closeCursor(list[1:])
	case "COPY":
		return n.copy(ctx, list)
	case "EXPLAIN":
		return n.explain(ctx, list[1:])
	case "LISTEN", "UNLISTEN", "ANALYZE", "VACUUM", "LOCK":
		return done(word)
	}
	return nil, fail(stateReadOnly, "publish and order in the desk's page, or with weir dataset and weir order; here datasets are read",
		"%.40s is not done here", strings.ToUpper(list[0].Text))
}

// shape are the columns that a statement would give; nil: none.
func (n *session) shape(ctx context.Context, list []token.Token) ([]pgcatalog.ResultColumn, error) {
	text := func(name string) []pgcatalog.ResultColumn {
		return []pgcatalog.ResultColumn{{Name: name, Type: pgcatalog.OIDText}}
	}
	switch {
	case len(list) == 0:
		return nil, nil
	case isQuery(list):
		r, err := n.query(ctx, list, true)
		if err != nil {
			return nil, err
		}
		return r.Columns, nil
	case list[0].Is("SHOW"):
		return text(showName(list[1:])), nil
	case list[0].Is("EXPLAIN"):
		return text("QUERY PLAN"), nil
	case list[0].Is("FETCH"):
		if p := n.portals[list[len(list)-1].Lower()]; p != nil && p.out != nil && p.out.result != nil {
			return p.out.result.Columns, nil
		}
	}
	return nil, nil
}

// load brings the datasets into the session's catalogue.
func (n *session) load(ctx context.Context) error {
	list, err := n.server.datasets(ctx)
	if err != nil {
		return err
	}
	tables := make([]pgcatalog.Table, len(list))
	n.datasets = map[string]*Dataset{}
	for i := range list {
		d := list[i]
		tables[i] = d.Table
		n.datasets[d.ID] = &d
	}
	return n.db.List(tables)
}

// dataset is the one of that name; nil: there is none.
func (n *session) dataset(id string) *Dataset { return n.datasets[id] }

// query answers a query, or with shape says what columns it would have.
func (n *session) query(ctx context.Context, list []token.Token, shape bool) (*pgcatalog.Result, error) {
	reads := slices.ContainsFunc(list, func(t token.Token) bool { return t.Is("FROM", "TABLE") })
	if err := n.load(ctx); err != nil && reads {
		return nil, err
	}
	if len(list) == 2 && list[0].Is("TABLE") {
		list = []token.Token{word("SELECT"), sign("*"), word("FROM"), list[1]}
	}
	p, err := planOf(list, n.dataset)
	if err != nil {
		return nil, err
	}
	get := n.answer
	if shape {
		get = func(ctx context.Context, f *figures) (*pgcatalog.Result, error) {
			_, r, err := n.formOf(ctx, f)
			return r, err
		}
	}
	if p.local == nil {
		return get(ctx, p.figures[0])
	}
	for _, f := range p.figures {
		r, err := get(ctx, f)
		if err != nil {
			return nil, err
		}
		if err := n.db.Temporary(f.table, r); err != nil {
			return nil, err
		}
	}
	for _, id := range p.reads {
		if shape || n.db.Loaded(id) {
			continue
		}
		content, err := n.server.asker.Content(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := n.db.Load(id, content); err != nil {
			return nil, err
		}
	}
	r, err := n.db.Query(ctx, p.local, shape)
	if unknown, ok := errors.AsType[*pgcatalog.UnknownError](err); ok {
		if e := n.server.probes.note(n.settings.values["application_name"], token.Join(list), unknown); e != nil {
			n.server.options.Logger.WarnContext(ctx, "a query that was not understood is not written down", "why", e)
		}
	}
	if err != nil || shape {
		return r, err
	}
	if p.nulls && len(r.Rows) > 0 {
		n.notice("01000", "measures are NULL here: single readings are never shown; ask for figures, such as SUM or AVG of a measure by groups")
	}
	if r.Cut {
		n.notice("01000", "these are the first %d rows; there are more", len(r.Rows))
	}
	return r, nil
}

func showName(list []token.Token) string {
	switch {
	case len(list) == 0:
		return ""
	case list[0].Is("TRANSACTION"):
		return "transaction_isolation"
	case list[0].Is("TIME"):
		return "TimeZone"
	}
	name := ""
	for _, t := range list {
		name += t.Text
	}
	return strings.ToLower(name)
}

func (n *session) show(list []token.Token) (*outcome, error) {
	name := showName(list)
	if name == "all" {
		r := &pgcatalog.Result{Columns: []pgcatalog.ResultColumn{{Name: "name", Type: pgcatalog.OIDText}, {Name: "setting", Type: pgcatalog.OIDText}}}
		for _, name := range slices.Sorted(maps.Keys(n.settings.values)) {
			r.Rows = append(r.Rows, []any{name, n.settings.values[name]})
		}
		return &outcome{result: r, tag: "SHOW"}, nil
	}
	value, ok := n.settings.get(name)
	if !ok {
		return nil, fail(stateNoSetting, "SHOW ALL", "there is no setting %.80q", name)
	}
	return &outcome{result: &pgcatalog.Result{Columns: []pgcatalog.ResultColumn{{Name: name, Type: pgcatalog.OIDText}}, Rows: [][]any{{value}}}, tag: "SHOW"}, nil
}

func (n *session) transaction(word string, list []token.Token) (*outcome, error) {
	to := len(list) > 1 && slices.ContainsFunc(list[1:], func(t token.Token) bool { return t.Is("TO") })
	switch {
	case word == "SAVEPOINT" || word == "RELEASE":
		return done(word)
	case word == "ROLLBACK" && to:
		if n.status == failedTx {
			n.status = within
		}
		return done(word)
	case word == "BEGIN" || word == "START":
		if n.status != idle {
			n.notice("25001", "there is a transaction already")
		} else {
			n.before, n.local = maps.Clone(n.settings.values), map[string]bool{}
		}
		n.status = within
		if word == "START" {
			return done("START TRANSACTION")
		}
		return done(word)
	}
	back := n.status == failedTx || word == "ROLLBACK" || word == "ABORT"
	if n.status == idle {
		n.notice("25P01", "there is no transaction")
	}
	n.restore(back)
	n.status = idle
	n.forgetPortals()
	if back {
		return done("ROLLBACK")
	}
	return done("COMMIT")
}

func (n *session) deallocate(list []token.Token) (*outcome, error) {
	if len(list) > 0 && list[0].Is("PREPARE") {
		list = list[1:]
	}
	switch {
	case len(list) == 0:
		return nil, fail(stateSyntax, "DEALLOCATE ALL", "DEALLOCATE needs a name")
	case list[0].Is("ALL"):
		clear(n.statements)
		return done("DEALLOCATE ALL")
	case n.statements[list[0].Lower()] == nil:
		return nil, fail(stateNoStatement, "", "there is no prepared statement %.80q", list[0].Text)
	}
	delete(n.statements, list[0].Lower())
	return done("DEALLOCATE")
}

// declare makes a cursor: DECLARE name [words] CURSOR [WITH HOLD] FOR query.
func (n *session) declare(ctx context.Context, list []token.Token) (*outcome, error) {
	at := slices.IndexFunc(list, func(t token.Token) bool { return t.Is("FOR") })
	if at < 3 || at+1 >= len(list) || !isQuery(list[at+1:]) {
		return nil, fail(stateSyntax, "DECLARE name CURSOR FOR SELECT …", "a cursor is of a query")
	}
	name := list[1].Lower()
	has := func(words ...string) bool {
		return slices.ContainsFunc(list[2:at], func(t token.Token) bool { return t.Is(words...) })
	}
	hold := has("HOLD") && !has("WITHOUT")
	switch {
	case n.portals[name] != nil:
		return nil, fail("42P03", "CLOSE "+name, "there is a cursor %.80q already", name)
	case n.status == idle && !hold:
		return nil, fail("25P01", "BEGIN first, or declare it WITH HOLD", "a cursor lives as long as a transaction")
	case len(n.portals) >= maxPortals:
		return nil, fail(stateTooLarge, "CLOSE ALL", "there are %d cursors", maxPortals)
	}
	r, err := n.query(ctx, list[at+1:], false)
	if err != nil {
		return nil, err
	}
	p := &portal{out: rowsOf(r), hold: hold}
	if has("BINARY") {
		p.formats = []int16{formatBinary}
	}
	n.portals[name] = p
	return done("DECLARE CURSOR")
}

// fetch gives the next rows of a cursor: FETCH [NEXT | FORWARD] [n | ALL] [FROM | IN] name.
func (n *session) fetch(word string, list []token.Token) (*outcome, error) {
	if len(list) == 0 {
		return nil, fail(stateSyntax, "FETCH 100 FROM name", "%s needs the name of a cursor", word)
	}
	p := n.portals[list[len(list)-1].Lower()]
	if p == nil || p.out == nil || p.out.result == nil {
		return nil, fail(stateNoCursor, "", "there is no cursor %.80q", list[len(list)-1].Text)
	}
	all := p.out.result
	count, absolute := 1, false
	for i, t := range list[:len(list)-1] {
		switch {
		case t.Is("ALL"):
			count = len(all.Rows)
		case t.Is("BACKWARD", "PRIOR", "LAST", "RELATIVE", "-"):
			return nil, fail("55000", "FETCH n, FETCH ALL and MOVE ABSOLUTE n are done", "cursors go forward alone")
		case t.Is("FIRST"):
			p.at = 0
		case t.Is("ABSOLUTE"):
			absolute = true
		case t.Kind == token.Number:
			k, err := strconv.Atoi(t.Text)
			if err != nil {
				return nil, &Error{State: stateSyntax, Message: "a number of rows is a whole number", At: list[i].At + 1}
			}
			count = k
		}
	}
	if absolute {
		if word == "MOVE" {
			p.at = min(max(count, 0), len(all.Rows))
			return done("MOVE 1")
		}
		p.at, count = min(max(count-1, 0), len(all.Rows)), 1
	}
	to := p.at + min(len(all.Rows)-p.at, count) // the sum of both may be no number
	rows := all.Rows[p.at:to]
	p.at = to
	tag := fmt.Sprintf("%s %d", word, len(rows))
	if word == "MOVE" {
		return done(tag)
	}
	return &outcome{result: &pgcatalog.Result{Columns: all.Columns, Rows: rows}, tag: tag}, nil
}

func (n *session) closeCursor(list []token.Token) (*outcome, error) {
	switch {
	case len(list) == 0:
		return nil, fail(stateSyntax, "CLOSE ALL", "CLOSE needs the name of a cursor")
	case list[0].Is("ALL"):
		clear(n.portals)
		return done("CLOSE CURSOR ALL")
	case n.portals[list[0].Lower()] == nil:
		return nil, fail(stateNoCursor, "", "there is no cursor %.80q", list[0].Text)
	}
	delete(n.portals, list[0].Lower())
	return done("CLOSE CURSOR")
}

// explain says what a query would cost, and asks nobody for figures.
func (n *session) explain(ctx context.Context, list []token.Token) (*outcome, error) {
	for len(list) > 0 && !isQuery(list) || len(list) > 0 && list[0].Is("(") {
		if list[0].Is("(") {
			end := token.Closing(list, 0)
			if end < 0 || len(list) > 1 && list[1].Is("SELECT") {
				break
			}
			list = list[end+1:]
			continue
		}
		list = list[1:]
	}
	if len(list) == 0 {
		return nil, fail(stateSyntax, "EXPLAIN SELECT …", "EXPLAIN needs a query")
	}
	if err := n.load(ctx); err != nil {
		return nil, err
	}
	p, err := planOf(list, n.dataset)
	if err != nil {
		return nil, err
	}
	lines := []string{}
	for _, f := range p.figures {
		q := n.settings.question(f.sql)
		lines = append(lines, "Weir: "+f.sql)
		kept, err := n.server.asker.Kept(ctx, q)
		if err != nil {
			return nil, askedAs(err, f.sql)
		}
		if kept != nil {
			lines = append(lines, "  in the own store, free: query "+short(kept.Query))
			continue
		}
		e := problemOf(n.cost(ctx, q))
		lines = append(lines, "  "+e.Message)
		if e.Detail != "" && e.State == stateSpend {
			lines = append(lines, "  "+e.Detail)
		}
	}
	if p.local != nil {
		lines = append(lines, "On this machine, free: "+token.Join(p.local))
	}
	r := &pgcatalog.Result{Columns: []pgcatalog.ResultColumn{{Name: "QUERY PLAN", Type: pgcatalog.OIDText}}}
	for _, line := range lines {
		r.Rows = append(r.Rows, []any{line})
	}
	return &outcome{result: r, tag: "EXPLAIN"}, nil
}
