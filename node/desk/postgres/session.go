package postgres

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// userName is the one user that there is.
const userName = pgcatalog.User

const (
	// maxStatements and maxPortals bound what a session keeps.
	maxStatements = 1000
	maxPortals    = 64
)

// session is one client's.
type session struct {
	server  *Server
	conn    net.Conn
	backend *pgproto3.Backend
	pid     uint32
	key     []byte

	settings   *settings
	client     *writer
	tx         *transaction
	catalogue  *catalogue
	figures    *asking
	statements statements
	portals    portals
	extended   *extended
	skipping   bool // after an error, until Sync

	mu     sync.Mutex
	cancel context.CancelFunc // guarded by mu; of the statement that is under way
}

// sessionOn is a session that has told its client nothing yet, and has no catalogue to query.
func sessionOn(s *Server, conn net.Conn, b *pgproto3.Backend, of *settings) *session {
	n := &session{server: s, conn: conn, backend: b, settings: of, client: newWriter(b, of), catalogue: &catalogue{server: s}, statements: statements{}, portals: portals{}}
	n.tx = newTransaction(of, n.client)
	n.figures = &asking{server: s, settings: of, client: n.client}
	n.extended = &extended{runner: n, client: n.client, catalogue: n.catalogue, statements: n.statements, portals: n.portals}
	return n
}

// newSession greets a client that has shown the password.
func (s *Server) newSession(conn net.Conn, b *pgproto3.Backend, parameters map[string]string) (*session, error) {
	n := sessionOn(s, conn, b, newSettings(s.options.ReadOnly))
	n.key = newKey()
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
	if err := n.settings.options(parameters["options"]); err != nil {
		return nil, err
	}
	s.enter(n)
	db, err := pgcatalog.Open(n.pid, s.options.Now)
	if err != nil {
		s.leave(n)
		return nil, err
	}
	db.Set, db.Setting, db.Settings = n.tx.change, n.settings.get, func() map[string]string { return n.settings.values }
	n.catalogue.db = db
	for _, name := range reported {
		n.client.report(name)
	}
	b.Send(&pgproto3.BackendKeyData{ProcessID: n.pid, SecretKey: n.key})
	n.ready()
	return n, b.Flush()
}

// ready tells that the client may go on.
func (n *session) ready() { n.backend.Send(&pgproto3.ReadyForQuery{TxStatus: n.tx.status}) }

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
	if err := n.statement(ctx, func(ctx context.Context) error { return n.extended.take(ctx, message) }); err != nil {
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
	n.tx.fail()
}

// endOfImplicit forgets the portals of what was no transaction.
func (n *session) endOfImplicit() {
	if n.tx.status == idle {
		n.portals.forget()
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
			if err := n.client.copyOut(out); err != nil {
				return err
			}
			continue
		}
		if out.result != nil {
			n.client.describe(out.result.Columns, nil)
			if err := n.client.rows(out.result, nil, 0, len(out.result.Rows)); err != nil {
				return err
			}
		}
		n.client.done(out.tag)
	}
	return nil
}
