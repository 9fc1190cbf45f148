package postgres

import (
	"fmt"
	"strconv"

	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// portal is a statement with its parameters, of which some rows may have been given out.
type portal struct {
	list      []token.Token
	formats   []int16
	described bool
	columns   []pgcatalog.ResultColumn
	out       *outcome // nil: it was not run yet
	at        int
	hold      bool
}

// portals are those of a session, by their names; cursors are some of them.
type portals map[string]*portal

// forget forgets portals and cursors but those that were declared to be held.
func (c portals) forget() {
	for name, p := range c {
		if !p.hold {
			delete(c, name)
		}
	}
}

// fetch gives the next rows of a cursor: FETCH [NEXT | FORWARD] [n | ALL] [FROM | IN] name.
func (c portals) fetch(word string, list []token.Token) (*outcome, error) {
	if len(list) == 0 {
		return nil, fail(stateSyntax, "FETCH 100 FROM name", "%s needs the name of a cursor", word)
	}
	p := c[list[len(list)-1].Lower()]
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

// closeCursor runs CLOSE.
func (c portals) closeCursor(list []token.Token) (*outcome, error) {
	switch {
	case len(list) == 0:
		return nil, fail(stateSyntax, "CLOSE ALL", "CLOSE needs the name of a cursor")
	case list[0].Is("ALL"):
		clear(c)
		return done("CLOSE CURSOR ALL")
	case c[list[0].Lower()] == nil:
		return nil, fail(stateNoCursor, "", "there is no cursor %.80q", list[0].Text)
	}
	delete(c, list[0].Lower())
	return done("CLOSE CURSOR")
}
