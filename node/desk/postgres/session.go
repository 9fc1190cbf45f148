package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// userName is the one user that there is.
const userName = pgcatalog.User

// States of a transaction, as the protocol has them. There is nothing to roll back; clients want to be told.
const (
	idle     = 'I'
	within   = 'T'
	failedTx = 'E'
)

const (
	// maxStatements and maxPortals bound what a session keeps.
	maxStatements = 1000
	maxPortals    = 64
	// flushEvery is after how many rows what is written is sent.
	flushEvery = 200
)

// session is one client's.
type session struct {
	server   *Server
	conn     net.Conn
	backend  *pgproto3.Backend
	pid      uint32
	key      []byte
	settings *settings
	db       *pgcatalog.DB
	types    *pgtype.Map
	datasets map[string]*Dataset

	status     byte
	before     map[string]string // the settings as the transaction found them
	local      map[string]bool   // settings that hold until its end
	statements map[string]*prepared
	portals    map[string]*portal
	skipping   bool // after an error, until Sync

	mu     sync.Mutex
	cancel context.CancelFunc // guarded by mu; of the statement that is under way
}

// newSession greets a client that has shown the password.
func (s *Server) newSession(conn net.Conn, b *pgproto3.Backend, parameters map[string]string) (*session, error) {
	n := &session{
		server: s, conn: conn, backend: b, key: newKey(), settings: newSettings(s.options.ReadOnly), types: pgtype.NewMap(), status: idle,
		statements: map[string]*prepared{}, portals: map[string]*portal{}, datasets: map[string]*Dataset{},
	}
	if name := parameters["database"]; name != "" && name != pgcatalog.Database && name != userName {
		return nil, fail("3D000", "the database is "+pgcatalog.Database, "there is no database %.40q", name)
	}
	for name, value := range parameters {
		if name == "user" || name == "database" || name == "options" || name == "replication" || strings.HasPrefix(name, "_pq_.") {
			continue
		}
		if err := n.settings.set(name, value); err != nil {
			return nil, err
		}
	}
	if err := n.options(parameters["options"]); err != nil {
		return nil, err
	}
	s.enter(n)
	db, err := pgcatalog.Open(n.pid, s.options.Now)
	if err != nil {
		s.leave(n)
		return nil, err
	}
	db.Set, db.Setting, db.Settings = n.change, n.settings.get, func() map[string]string { return n.settings.values }
	n.db = db
	for _, name := range reported {
		n.report(name)
	}
	b.Send(&pgproto3.BackendKeyData{ProcessID: n.pid, SecretKey: n.key})
	n.ready()
	return n, b.Flush()
}

// options are settings that stand in the connection: -c name=value.
func (n *session) options(text string) error {
	words := strings.Fields(text)
	for i := 0; i < len(words); i++ {
		setting, ok := strings.CutPrefix(words[i], "--")
		if words[i] == "-c" && i+1 < len(words) {
			i++
			setting, ok = words[i], true
		}
		name, value, cut := strings.Cut(setting, "=")
		if !ok || !cut {
			return fail(stateParameter, "options are of the form -c name=value", "%.60q is no option", words[i])
		}
		if err := n.settings.set(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (n *session) close() {
	if n.db != nil {
		n.server.contained(context.Background(), n.db.Close) //nolint:errcheck,gosec // it is in memory
	}
}

func (n *session) report(name string) {
	if value, ok := n.settings.get(name); ok {
		n.backend.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
	}
}

func (n *session) ready() { n.backend.Send(&pgproto3.ReadyForQuery{TxStatus: n.status}) }

func (n *session) notice(state, format string, args ...any) {
	severity := "NOTICE"
	if strings.HasPrefix(state, "01") {
		severity = "WARNING"
	}
	n.backend.Send(&pgproto3.NoticeResponse{Severity: severity, SeverityUnlocalized: severity, Code: state, Message: fmt.Sprintf(format, args...)})
}

// debug is a notice for who asks for debugging.
func (n *session) debug(format string, args ...any) {
	if strings.HasPrefix(n.settings.values["client_min_messages"], "debug") {
		n.backend.Send(&pgproto3.NoticeResponse{Severity: "DEBUG1", SeverityUnlocalized: "DEBUG1", Code: "00000", Message: fmt.Sprintf(format, args...)})
	}
}

// interrupt ends the statement that is under way.
func (n *session) interrupt() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cancel != nil {
		n.cancel()
	}
}

// run answers messages until the client or the desk ends.
func (n *session) run(ctx context.Context) {
	for {
		deadline := time.Now().Add(idleTime)
		if ctx.Err() != nil {
			deadline = time.Unix(1, 0)
		}
		if err := n.conn.SetReadDeadline(deadline); err != nil {
			return
		}
		if ctx.Err() != nil { // it may have ended before the deadline was set
			n.server.refuse(n.backend, fail(stateEnding, "start it again", "%s", errEnding))
			return
		}
		message, err := n.backend.Receive()
		if err != nil {
			n.gone(ctx, err)
			return
		}
		if _, ends := message.(*pgproto3.Terminate); ends {
			return
		}
		if err := n.take(ctx, message); err != nil {
			return
		}
	}
}

// gone tells a client why its session ends, where it may still listen.
func (n *session) gone(ctx context.Context, err error) {
	var large *pgproto3.ExceededMaxBodyLenErr
	var network net.Error
	switch {
	case ctx.Err() != nil:
		n.server.refuse(n.backend, fail(stateEnding, "start it again", "%s", errEnding))
	case errors.As(err, &large):
		n.server.refuse(n.backend, fail(stateTooLarge, "", "a message has more than %d bytes", maxMessage))
	case errors.As(err, &network) && network.Timeout():
		n.server.refuse(n.backend, fail("57P05", "connect again", "the session was silent for too long"))
	case strings.Contains(err.Error(), "message"):
		n.server.refuse(n.backend, fail(stateProtocol, "", "the message cannot be read"))
	}
}

// statement runs do as the statement under way, which can be cancelled.
func (n *session) statement(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	n.mu.Lock()
	n.cancel = cancel
	n.mu.Unlock()
	err := n.server.contained(ctx, func() error { return do(ctx) })
	n.mu.Lock()
	n.cancel = nil
	n.mu.Unlock()
	return err
}

// take answers a message. An error is one of the connection, and ends the session.
func (n *session) take(ctx context.Context, message pgproto3.FrontendMessage) error {
	switch m := message.(type) {
	case *pgproto3.Query:
		n.skipping = false
		if err := n.statement(ctx, func(ctx context.Context) error { return n.simple(ctx, m.String) }); err != nil {
			if e := broken(err); e != nil {
				n.server.refuse(n.backend, e)
				return err
			}
			n.fail(err)
		}
		n.endOfImplicit()
		n.ready()
		return n.backend.Flush()
	case *pgproto3.Sync:
		n.skipping = false
		n.endOfImplicit()
		n.ready()
		return n.backend.Flush()
	case *pgproto3.Flush:
		return n.backend.Flush()
	}
	if n.skipping {
		return nil
	}
	if err := n.statement(ctx, func(ctx context.Context) error { return n.extended(ctx, message) }); err != nil {
		if e := broken(err); e != nil {
			n.server.refuse(n.backend, e)
			return err
		}
		n.fail(err)
		n.skipping = true
		return n.backend.Flush()
	}
	return nil
}

// fail tells an error, after which a transaction is of no more use.
func (n *session) fail(err error) {
	n.backend.Send(problemOf(err).response("ERROR"))
	if n.status == within {
		n.status = failedTx
	}
}

// endOfImplicit forgets the portals of what was no transaction.
func (n *session) endOfImplicit() {
	if n.status == idle {
		n.forgetPortals()
	}
}

// forgetPortals forgets portals and cursors but those that were declared to be held.
func (n *session) forgetPortals() {
	for name, p := range n.portals {
		if !p.hold {
			delete(n.portals, name)
		}
	}
}

// simple answers the statements of a Query.
func (n *session) simple(ctx context.Context, text string) error {
	list, err := token.Scan(text)
	if err != nil {
		return err
	}
	statements := token.Statements(list)
	if len(statements) == 0 {
		n.backend.Send(&pgproto3.EmptyQueryResponse{})
		return nil
	}
	for _, list := range statements {
		if i := slices.IndexFunc(list, func(t token.Token) bool { return t.Kind == token.Param }); i >= 0 {
			return &Error{State: "42P02", Message: "there is no parameter $" + list[i].Text, At: list[i].At + 1}
		}
		out, err := n.execute(ctx, list)
		if err != nil {
			return err
		}
		if out.copy != nil {
			if err := n.copyOut(out); err != nil {
				return err
			}
			continue
		}
		if out.result != nil {
			n.describe(out.result.Columns, nil)
			if err := n.rows(out.result, nil, 0, len(out.result.Rows)); err != nil {
				return err
			}
		}
		n.backend.Send(&pgproto3.CommandComplete{CommandTag: []byte(out.tag)})
	}
	return nil
}

// describe sends the columns of an answer.
func (n *session) describe(columns []pgcatalog.ResultColumn, formats []int16) {
	d := &pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{}}
	for i, c := range columns {
		d.Fields = append(d.Fields, pgproto3.FieldDescription{
			Name: []byte(c.Name), TableOID: c.Table, TableAttributeNumber: uint16(c.Number), DataTypeOID: c.Type, DataTypeSize: sizeOf(c.Type), TypeModifier: -1, Format: formatOf(formats, i),
		})
	}
	n.backend.Send(d)
}

// sizeOf is the size of a type; -1: it has none.
func sizeOf(oid uint32) int16 {
	switch oid {
	case pgcatalog.OIDBool, pgcatalog.OIDChar:
		return 1
	case pgcatalog.OIDInt2:
		return 2
	case pgcatalog.OIDInt4, pgcatalog.OIDOid, pgcatalog.OIDDate, pgcatalog.OIDFloat4:
		return 4
	case pgcatalog.OIDInt8, pgcatalog.OIDFloat8, pgcatalog.OIDTimestamp, pgcatalog.OIDTimestamptz:
		return 8
	case pgcatalog.OIDName:
		return 64
	}
	return -1
}

// formatOf is the format of column i: formats are none, one for all, or one for each.
func formatOf(formats []int16, i int) int16 {
	switch {
	case len(formats) == 0:
		return formatText
	case len(formats) == 1:
		return formats[0]
	case i < len(formats):
		return formats[i]
	}
	return formatText
}

// rows sends rows of an answer.
func (n *session) rows(r *pgcatalog.Result, formats []int16, from, to int) error {
	for i := from; i < to; i++ {
		values := make([][]byte, len(r.Columns))
		for j := range values {
			var err error
			if values[j], err = encode(n.types, r.Rows[i][j], r.Columns[j].Type, formatOf(formats, j)); err != nil {
				return err
			}
		}
		n.backend.Send(&pgproto3.DataRow{Values: values})
		if i%flushEvery == flushEvery-1 {
			if err := n.backend.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}
