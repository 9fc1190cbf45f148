package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	if n.tx.status == failedTx && !list[0].Is("ROLLBACK", "ABORT", "COMMIT", "END") {
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
		return n.tx.set(word, list)
	case "SHOW":
		return n.settings.show(list[1:])
	case "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE":
		return n.transaction(word, list)
	case "DISCARD":
		return n.discard(list[1:])
	case "DEALLOCATE":
		return n.statements.deallocate(list[1:])
	case "DECLARE":
		return n.declare(ctx, list)
	case "FETCH", "MOVE":
		return n.portals.fetch(word, list[1:])
	case "CLOSE":
		return n.portals.closeCursor(list[1:])
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

// query answers a query, or with shape says what columns it would have.
func (n *session) query(ctx context.Context, list []token.Token, shape bool) (*pgcatalog.Result, error) {
	reads := slices.ContainsFunc(list, func(t token.Token) bool { return t.Is("FROM", "TABLE") })
	if err := n.catalogue.load(ctx); err != nil && reads {
		return nil, err
	}
	if len(list) == 2 && list[0].Is("TABLE") {
		list = []token.Token{word("SELECT"), sign("*"), word("FROM"), list[1]}
	}
	p, err := planOf(list, n.catalogue.dataset)
	if err != nil {
		return nil, err
	}
	get := n.figures.answer
	if shape {
		get = func(ctx context.Context, f *figures) (*pgcatalog.Result, error) {
			_, r, err := n.figures.formOf(ctx, f)
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
		if err := n.catalogue.db.Temporary(f.table, r); err != nil {
			return nil, err
		}
	}
	if !shape {
		if err := n.catalogue.fill(ctx, p.reads); err != nil {
			return nil, err
		}
	}
	r, err := n.catalogue.db.Query(ctx, p.local, shape)
	if unknown, ok := errors.AsType[*pgcatalog.UnknownError](err); ok {
		if e := n.server.probes.note(n.settings.values["application_name"], token.Join(list), unknown); e != nil {
			n.server.options.Logger.WarnContext(ctx, "a query that was not understood is not written down", "why", e)
		}
	}
	if err != nil || shape {
		return r, err
	}
	if p.nulls && len(r.Rows) > 0 {
		n.client.notice("01000", "measures are NULL here: single readings are never shown; ask for figures, such as SUM or AVG of a measure by groups")
	}
	if r.Cut {
		n.client.notice("01000", "these are the first %d rows; there are more", len(r.Rows))
	}
	return r, nil
}

func (n *session) transaction(word string, list []token.Token) (*outcome, error) {
	to := len(list) > 1 && slices.ContainsFunc(list[1:], func(t token.Token) bool { return t.Is("TO") })
	switch {
	case word == "SAVEPOINT" || word == "RELEASE":
		return done(word)
	case word == "ROLLBACK" && to:
		n.tx.mend()
		return done(word)
	case word == "BEGIN" || word == "START":
		n.tx.begin()
		if word == "START" {
			return done("START TRANSACTION")
		}
		return done(word)
	}
	back := n.tx.end(word == "ROLLBACK" || word == "ABORT")
	n.portals.forget()
	if back {
		return done("ROLLBACK")
	}
	return done("COMMIT")
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
	case n.tx.status == idle && !hold:
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
	if err := n.catalogue.load(ctx); err != nil {
		return nil, err
	}
	p, err := planOf(list, n.catalogue.dataset)
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
		e := problemOf(n.figures.cost(ctx, q))
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
