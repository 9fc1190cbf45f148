package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

const (
	// maxParameters is how many parameters a statement has at most.
	maxParameters = 1000
	// maxPrepared is how many words the prepared statements of a session have together: some twenty megabytes.
	maxPrepared = 16 * token.Most
)

// prepared is a statement that is yet to be run.
type prepared struct {
	list       []token.Token
	parameters []uint32
	described  bool
	columns    []pgcatalog.ResultColumn // as they were told; nil: it gives no rows
}

// statements are the prepared ones of a session, by their names.
type statements map[string]*prepared

// admits reports why a statement is not prepared under a name; nil: it may be.
func (s statements) admits(name string, p *prepared) error {
	switch {
	case name != "" && s[name] != nil:
		return fail("42P05", "", "there is a prepared statement %.80q already", name)
	case len(s) >= maxStatements:
		return fail(stateTooLarge, "DEALLOCATE ALL", "there are %d prepared statements", maxStatements)
	}
	words := len(p.list)
	for other, q := range s {
		if other != name {
			words += len(q.list)
		}
	}
	if words > maxPrepared {
		return fail(stateTooLarge, "DEALLOCATE ALL", "prepared statements have more than %d words together", maxPrepared)
	}
	return nil
}

// deallocate runs DEALLOCATE.
func (s statements) deallocate(list []token.Token) (*outcome, error) {
	if len(list) > 0 && list[0].Is("PREPARE") {
		list = list[1:]
	}
	switch {
	case len(list) == 0:
		return nil, fail(stateSyntax, "DEALLOCATE ALL", "DEALLOCATE needs a name")
	case list[0].Is("ALL"):
		clear(s)
		return done("DEALLOCATE ALL")
	case s[list[0].Lower()] == nil:
		return nil, fail(stateNoStatement, "", "there is no prepared statement %.80q", list[0].Text)
	}
	delete(s, list[0].Lower())
	return done("DEALLOCATE")
}

// runner runs statements: a session.
type runner interface {
	execute(ctx context.Context, list []token.Token) (*outcome, error)
	shape(ctx context.Context, list []token.Token) ([]pgcatalog.ResultColumn, error)
}

// extended speaks the extended protocol, in which statements are prepared, bound to parameters and run by messages of their own.
type extended struct {
	runner     runner
	client     *writer
	catalogue  *catalogue
	statements statements
	portals    portals
}

// take answers a message.
func (x *extended) take(ctx context.Context, message pgproto3.FrontendMessage) error {
	switch m := message.(type) {
	case *pgproto3.Parse:
		return x.parse(ctx, m)
	case *pgproto3.Bind:
		return x.bind(m)
	case *pgproto3.Describe:
		if m.ObjectType == 'S' {
			return x.describeStatement(ctx, m.Name)
		}
		return x.describePortal(ctx, m.Name)
	case *pgproto3.Execute:
		return x.executePortal(ctx, m)
	case *pgproto3.Close:
		if m.ObjectType == 'S' {
			delete(x.statements, m.Name)
		} else {
			delete(x.portals, m.Name)
		}
		x.client.backend.Send(&pgproto3.CloseComplete{})
		return nil
	}
	return fail(stateProtocol, "", "a message of type %T is not expected here", message)
}

func (x *extended) parse(ctx context.Context, m *pgproto3.Parse) error {
	list, err := token.Scan(m.Query)
	if err != nil {
		return err
	}
	statements := token.Statements(list)
	if len(statements) > 1 {
		return fail(stateSyntax, "send one statement after the other", "a prepared statement is one statement")
	}
	p := &prepared{}
	if len(statements) == 1 {
		p.list = statements[0]
	}
	if err := x.statements.admits(m.Name, p); err != nil {
		return err
	}
	period := func() uint32 { return x.catalogue.periods(ctx, p.list) }
	if p.parameters, err = parametersOf(p.list, m.ParameterOIDs, period); err != nil {
		return err
	}
	x.statements[m.Name] = p
	x.client.backend.Send(&pgproto3.ParseComplete{})
	return nil
}

// parametersOf are the types of the parameters: those that the client says, of a period that one is compared with its
// column's, of a number of rows a number, and texts elsewhere.
func parametersOf(list []token.Token, said []uint32, periods func() uint32) ([]uint32, error) {
	count := len(said)
	if count > maxParameters {
		return nil, fail(stateTooLarge, "", "a statement has at most %d parameters, and %d types are said", maxParameters, count)
	}
	for _, t := range list {
		if t.Kind == token.Param {
			i, err := strconv.Atoi(t.Text)
			if err != nil || i < 1 || i > maxParameters {
				return nil, fail("42P02", "", "$%.20s is no parameter", t.Text)
			}
			count = max(count, i)
		}
	}
	out := make([]uint32, count)
	copy(out, said)
	if count == 0 {
		return out, nil
	}
	period := periods()
	for i, t := range list {
		if t.Kind != token.Param {
			continue
		}
		at, _ := strconv.Atoi(t.Text) //nolint:errcheck // it was read above
		if out[at-1] != 0 && out[at-1] != 705 {
			continue
		}
		out[at-1] = pgcatalog.OIDText
		before := func(k int) token.Token {
			if i >= k {
				return list[i-k]
			}
			return token.Token{Kind: token.Sign}
		}
		named := func(t token.Token) bool { return t.Named() && t.Lower() == "period" }
		switch {
		case i+2 < len(list) && list[i+1].Is("::") && casts()[list[i+2].Lower()] != 0:
			out[at-1] = casts()[list[i+2].Lower()]
			if i+4 < len(list) && list[i+3].Is("[") && list[i+4].Is("]") {
				out[at-1] = pgcatalog.ArrayOf(out[at-1])
			}
		case before(1).Is("(") && before(2).Is("ANY", "SOME", "ALL"): // column = ANY ($1)
			out[at-1] = pgcatalog.OIDTextArray
		case before(1).Is("LIMIT", "OFFSET"):
			out[at-1] = pgcatalog.OIDInt8
		case named(before(2)) && (before(1).Is("BETWEEN") || before(1).Kind == token.Sign && !before(1).Is("(", ",")), before(1).Is("AND") && before(3).Is("BETWEEN") && named(before(4)):
			out[at-1] = period
		case before(1).Kind == token.Sign && before(2).Is(")"): // year(period) = $1
			out[at-1] = pgcatalog.OIDInt8
		}
	}
	return out, nil
}

// casts are types of parameters by the names that casts have.
var casts = sync.OnceValue(func() map[string]uint32 {
	return map[string]uint32{
		"int": pgcatalog.OIDInt4, "integer": pgcatalog.OIDInt4, "int4": pgcatalog.OIDInt4, "int8": pgcatalog.OIDInt8, "bigint": pgcatalog.OIDInt8, "oid": pgcatalog.OIDOid,
		"date": pgcatalog.OIDDate, "timestamp": pgcatalog.OIDTimestamp, "timestamptz": pgcatalog.OIDTimestamptz, "text": pgcatalog.OIDText, "bool": pgcatalog.OIDBool,
		"numeric": pgcatalog.OIDNumeric, "float8": pgcatalog.OIDFloat8,
	}
})

func (x *extended) bind(m *pgproto3.Bind) error {
	p := x.statements[m.PreparedStatement]
	switch {
	case p == nil:
		return fail(stateNoStatement, "", "there is no prepared statement %.80q", m.PreparedStatement)
	case len(m.Parameters) != len(p.parameters):
		return fail(stateProtocol, "", "%d parameters are given, the statement has %d", len(m.Parameters), len(p.parameters))
	case len(m.ParameterFormatCodes) > 1 && len(m.ParameterFormatCodes) != len(m.Parameters):
		return fail(stateProtocol, "", "%d formats are given for %d parameters", len(m.ParameterFormatCodes), len(m.Parameters))
	case m.DestinationPortal != "" && x.portals[m.DestinationPortal] != nil:
		return fail("42P03", "", "there is a cursor %.80q already", m.DestinationPortal)
	case len(x.portals) >= maxPortals:
		return fail(stateTooLarge, "CLOSE ALL", "there are %d portals", maxPortals)
	case slices.ContainsFunc(m.ResultFormatCodes, func(f int16) bool { return f != formatText && f != formatBinary }):
		return fail(stateProtocol, "", "values are sent as text or binary")
	}
	values := make([]token.Token, len(m.Parameters))
	for i, v := range m.Parameters {
		var err error
		if values[i], err = parameter(v, p.parameters[i], formatOf(m.ParameterFormatCodes, i)); err != nil {
			return err
		}
	}
	x.portals[m.DestinationPortal] = &portal{
		list: substituted(p.list, func(i int) token.Token { return values[i-1] }), formats: slices.Clone(m.ResultFormatCodes), described: p.described, columns: p.columns,
	}
	x.client.backend.Send(&pgproto3.BindComplete{})
	return nil
}

// substituted puts values in for parameters. A value is a token and nothing else, whatever stands in it.
func substituted(list []token.Token, value func(i int) token.Token) []token.Token {
	out := slices.Clone(list)
	for i, t := range out {
		if t.Kind != token.Param {
			continue
		}
		at, _ := strconv.Atoi(t.Text) //nolint:errcheck // parametersOf looked
		v := value(at)
		v.At = t.At
		out[i] = v
	}
	return out
}

func (x *extended) describeStatement(ctx context.Context, name string) error {
	p := x.statements[name]
	if p == nil {
		return fail(stateNoStatement, "", "there is no prepared statement %.80q", name)
	}
	if !p.described {
		columns, err := x.runner.shape(ctx, unbound(p))
		if err != nil {
			return err
		}
		p.columns, p.described = columns, true
	}
	x.client.backend.Send(&pgproto3.ParameterDescription{ParameterOIDs: p.parameters})
	x.client.columnsOrNone(p.columns, nil)
	return nil
}

// unbound is a statement with something in place of its parameters, by which its columns are found.
func unbound(p *prepared) []token.Token {
	list := slices.Clone(p.list)
	for i, t := range list {
		if t.Kind != token.Param {
			continue
		}
		at, _ := strconv.Atoi(t.Text) //nolint:errcheck // parametersOf looked
		switch {
		case i > 1 && list[i-2].Is("DATE_TRUNC"):
			list[i] = token.Token{Kind: token.String, Text: "month"}
		case i > 1 && list[i-2].Is("DATE_PART"):
			list[i] = token.Token{Kind: token.String, Text: "year"}
		case p.parameters[at-1] == pgcatalog.OIDText || p.parameters[at-1] == 0:
			list[i] = token.Token{Kind: token.String}
		case isArray(p.parameters[at-1]):
			list[i] = token.Token{Kind: token.String, Text: "{1}"}
		case slices.Contains([]uint32{pgcatalog.OIDDate, pgcatalog.OIDTimestamp, pgcatalog.OIDTimestamptz}, p.parameters[at-1]):
			list[i] = token.Token{Kind: token.String, Text: "2000-01-01"}
		default:
			list[i] = token.Token{Kind: token.Number, Text: "1"}
		}
	}
	return list
}

func (x *extended) describePortal(ctx context.Context, name string) (err error) {
	p := x.portals[name]
	if p == nil {
		return fail(stateNoCursor, "", "there is no portal %.80q", name)
	}
	switch {
	case p.out != nil && p.out.result != nil:
		p.columns = p.out.result.Columns
	case p.described, len(p.list) == 0:
	case x.client.settings.on("weir.coverage"): // which columns there are depends on the answer
		if p.out, err = x.runner.execute(ctx, p.list); err == nil && p.out.result != nil {
			p.columns = p.out.result.Columns
		}
	default:
		p.columns, err = x.runner.shape(ctx, p.list)
	}
	if err != nil {
		return err
	}
	p.described = true
	x.client.columnsOrNone(p.columns, p.formats)
	return nil
}

func (x *extended) executePortal(ctx context.Context, m *pgproto3.Execute) (err error) {
	p := x.portals[m.Portal]
	if p == nil {
		return fail(stateNoCursor, "", "there is no portal %.80q", m.Portal)
	}
	if len(p.list) == 0 && p.out == nil {
		x.client.backend.Send(&pgproto3.EmptyQueryResponse{})
		return nil
	}
	if p.out == nil {
		if p.out, err = x.runner.execute(ctx, p.list); err != nil {
			return err
		}
		x.portals[m.Portal] = p // the end of a transaction has forgotten it
	}
	if p.out.copy != nil {
		return x.client.copyOut(p.out)
	}
	if p.out.result == nil {
		x.client.done(p.out.tag)
		return nil
	}
	r, err := conforming(p.out.result, p)
	if err != nil {
		return err
	}
	to := len(r.Rows)
	if m.MaxRows > 0 {
		to = min(to, p.at+int(m.MaxRows))
	}
	from := p.at
	if err := x.client.rows(r, p.formats, from, to); err != nil {
		return err
	}
	p.at = to
	if to < len(r.Rows) {
		x.client.backend.Send(&pgproto3.PortalSuspended{})
		return nil
	}
	tag := p.out.tag
	if p.out.counts {
		tag = fmt.Sprintf("SELECT %d", to-from)
	}
	x.client.done(tag)
	return nil
}

// conforming is an answer with the columns that were told before it was there.
func conforming(r *pgcatalog.Result, p *portal) (*pgcatalog.Result, error) {
	if !p.described || p.columns == nil {
		return r, nil
	}
	if len(r.Columns) < len(p.columns) {
		return nil, fail("0A000", "prepare the statement again", "the columns of the answer are others than were told")
	}
	return &pgcatalog.Result{Columns: p.columns, Rows: r.Rows}, nil
}
