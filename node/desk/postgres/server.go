package postgres

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/weirdata/weir/node/desk/loopback"
)

// DefaultListen is where tools look for a Postgres that is not the machine's own.
const DefaultListen = "127.0.0.1:5433"

const (
	// maxConnections is more than the pools of a person's tools open.
	maxConnections = 32
	// maxStrangers is how many of them may have shown no password yet.
	maxStrangers = 8
	// loginTime is how long a login may take, idleTime how long a session may be silent, writeTime how long a client may
	// take to read what it is sent, endingTime when the desk ends.
	loginTime  = 10 * time.Second
	idleTime   = 4 * time.Hour
	writeTime  = 2 * time.Minute
	endingTime = time.Second
	// maxMessage is the most bytes of a client's message, maxLogin before it has shown the password.
	maxMessage = 1 << 20
	maxLogin   = 8 << 10
	// maxTurns is how many sessions ask the nodes at once: fewer than the desk lets, so that its page is not shut out.
	maxTurns = 6
	// knownTime is how long the list of datasets is taken to be as it was.
	knownTime = 5 * time.Second
)

// Errors of the server.
var (
	ErrNotLoopback = errors.New("the protocol of Postgres is spoken on this machine's loopback interface alone")
	errEnding      = errors.New("the desk ends")
)

// Options say what a server is.
type Options struct {
	Asker    Asker
	Password string
	// ReadOnly refuses to spend.
	ReadOnly bool
	// Dir is where probes are written down that were not understood; empty: nowhere.
	Dir    string
	Logger *slog.Logger     // nil: nobody is told
	Now    func() time.Time // nil: the machine's clock
}

// Server speaks Postgres' protocol. Make it with Listen, and Close it when Serve has not.
type Server struct {
	options  Options
	asker    Asker
	listener net.Listener
	verifier *verifier
	turns    chan struct{}
	probes   *probes

	mu        sync.Mutex
	sessions  map[uint32]*session // guarded by mu
	strangers int                 // guarded by mu
	nextPID   uint32              // guarded by mu
	known     []Dataset           // guarded by mu
	knownAt   time.Time           // guarded by mu
}

// Listen returns a server on an address of the loopback interface. It answers nobody before Serve.
func Listen(listen string, o Options) (*Server, error) {
	addr, err := loopback.Address(listen, DefaultListen, ErrNotLoopback)
	if err != nil {
		return nil, err
	}
	if len(o.Password) < 20 {
		return nil, errors.New("the password of Postgres' protocol is too short to be a random one")
	}
	v, err := newVerifier(o.Password)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for Postgres' protocol: %w", err)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Server{
		options: o, asker: o.Asker, listener: listener, verifier: v, turns: make(chan struct{}, maxTurns), probes: newProbes(o.Dir, o.Now),
		sessions: map[uint32]*session{}, nextPID: 1,
	}, nil
}

// Addr is where the server listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close closes the port. Serve does it too.
func (s *Server) Close() { s.listener.Close() } //nolint:errcheck,gosec // it may be closed already

// Serve answers clients until ctx ends, and returns when no session is left.
func (s *Server) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := context.AfterFunc(ctx, s.Close)
	defer stop()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			cancel()
			if ctx.Err() != nil && errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("accept a connection of Postgres' protocol: %w", err)
		}
		wg.Go(func() { s.serve(ctx, conn) })
	}
}

// turn waits until a session may ask the nodes.
func (s *Server) turn(ctx context.Context) (release func(), err error) {
	select {
	case s.turns <- struct{}{}:
		return func() { <-s.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// at is a time of the ledger for people.
func (s *Server) at(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// datasets are those that can be asked; they are read anew after a few seconds.
func (s *Server) datasets(ctx context.Context) ([]Dataset, error) {
	s.mu.Lock()
	known, at := s.known, s.knownAt
	s.mu.Unlock()
	now := s.options.Now()
	if age := now.Sub(at); known != nil && age >= 0 && age < knownTime {
		return known, nil
	}
	list, err := s.asker.Datasets(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.knownAt = append([]Dataset{}, list...), now
	return s.known, nil
}

// admit counts a connection; false: there are too many.
func (s *Server) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.strangers >= maxStrangers || len(s.sessions)+s.strangers >= maxConnections {
		return false
	}
	s.strangers++
	return true
}

// serve serves one connection.
func (s *Server) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close() //nolint:errcheck // nobody is left to be told
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// What is under way when the desk ends is told so, and then cut.
	stop := context.AfterFunc(ctx, func() {
		conn.SetReadDeadline(time.Unix(1, 0))             //nolint:errcheck,gosec // it is closed then
		conn.SetWriteDeadline(time.Now().Add(endingTime)) //nolint:errcheck,gosec // likewise
	})
	defer stop()
	backend := pgproto3.NewBackend(conn, &slowWriter{conn, ctx})
	if !s.admit() {
		s.refuse(backend, fail(stateTooMany, "close some of the tools' connections", "there are too many connections"))
		return
	}
	n, err := s.login(conn, backend)
	if n != nil {
		defer s.leave(n)
	}
	if err != nil || n == nil {
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			s.options.Logger.DebugContext(ctx, "a connection of Postgres' protocol was refused", "why", err)
		}
		return
	}
	n.run(ctx)
}

// refuse tells a client why it is not served.
func (s *Server) refuse(b *pgproto3.Backend, e *Error) {
	b.Send(e.response("FATAL"))
	b.Flush() //nolint:errcheck,gosec // nobody is left to be told
}

// login takes a connection to a session; nil without an error: it was a request to cancel.
func (s *Server) login(conn net.Conn, b *pgproto3.Backend) (n *session, err error) {
	defer func() {
		s.mu.Lock()
		s.strangers--
		s.mu.Unlock()
	}()
	if err := conn.SetDeadline(time.Now().Add(loginTime)); err != nil {
		return nil, err
	}
	b.SetMaxBodyLen(maxLogin)
	var start *pgproto3.StartupMessage
	for range 3 {
		message, err := b.ReceiveStartupMessage()
		if err != nil {
			return nil, fmt.Errorf("read the first message: %w", err)
		}
		switch m := message.(type) {
		case *pgproto3.SSLRequest, *pgproto3.GSSEncRequest: // loopback is not encrypted
			if _, err := conn.Write([]byte("N")); err != nil {
				return nil, err
			}
			continue
		case *pgproto3.CancelRequest:
			s.cancel(m)
			return nil, nil //nolint:nilnil // there is no answer to it
		case *pgproto3.StartupMessage:
			start = &pgproto3.StartupMessage{ProtocolVersion: m.ProtocolVersion, Parameters: m.Parameters}
		}
		break
	}
	if start == nil {
		return nil, errors.New("the client asks for encryption over and over")
	}
	negotiate(b, start)
	if err := s.password(b, start.Parameters["user"]); err != nil {
		s.refuse(b, fail(statePassword, "the desk prints the file that the password stands in", "the password of user %.40q is not the desk's", start.Parameters["user"]))
		return nil, err
	}
	if n, err = s.newSession(conn, b, start.Parameters); err != nil {
		s.refuse(b, problemOf(err))
		return nil, err
	}
	b.SetMaxBodyLen(maxMessage)
	return n, conn.SetDeadline(time.Time{})
}

// negotiate tells a client which of its wishes about the protocol are not known.
func negotiate(b *pgproto3.Backend, start *pgproto3.StartupMessage) {
	var unknown []string
	for name := range start.Parameters {
		if len(name) > 5 && name[:5] == "_pq_." {
			unknown = append(unknown, name)
		}
	}
	if start.ProtocolVersion != pgproto3.ProtocolVersion30 || len(unknown) > 0 {
		b.Send(&pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: pgproto3.ProtocolVersion30, UnrecognizedOptions: unknown})
	}
}

// password has a client show that it knows the password, which it does not send.
func (s *Server) password(b *pgproto3.Backend, user string) error {
	b.Send(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{mechanism}})
	if err := errors.Join(b.Flush(), b.SetAuthType(pgproto3.AuthTypeSASL)); err != nil {
		return err
	}
	message, err := b.Receive()
	if err != nil {
		return fmt.Errorf("read the login: %w", err)
	}
	begin, ok := message.(*pgproto3.SASLInitialResponse)
	if !ok || begin.AuthMechanism != mechanism {
		return errors.New("the client does not log in by " + mechanism)
	}
	x := &exchange{verifier: s.verifier}
	challenge, err := x.begin(begin.Data)
	if err != nil {
		return err
	}
	b.Send(&pgproto3.AuthenticationSASLContinue{Data: challenge})
	if err := errors.Join(b.Flush(), b.SetAuthType(pgproto3.AuthTypeSASLContinue)); err != nil {
		return err
	}
	if message, err = b.Receive(); err != nil {
		return fmt.Errorf("read the login: %w", err)
	}
	proof, ok := message.(*pgproto3.SASLResponse)
	if !ok {
		return errPassword
	}
	final, err := x.end(proof.Data)
	if err != nil {
		return err
	}
	if user != userName {
		return errPassword
	}
	b.Send(&pgproto3.AuthenticationSASLFinal{Data: final})
	b.Send(&pgproto3.AuthenticationOk{})
	return nil
}

// newKey draws the secret by which a client cancels: four bytes, as version 3.0 has it.
func newKey() []byte {
	key := make([]byte, 4)
	rand.Read(key) //nolint:errcheck // it never fails
	return key
}

// cancel ends the statement of a session that knows the secret.
func (s *Server) cancel(m *pgproto3.CancelRequest) {
	s.mu.Lock()
	n := s.sessions[m.ProcessID]
	s.mu.Unlock()
	if n != nil && subtle.ConstantTimeCompare(n.key, m.SecretKey) == 1 {
		n.interrupt()
	}
}

// leave forgets a session.
func (s *Server) leave(n *session) {
	s.mu.Lock()
	delete(s.sessions, n.pid)
	s.mu.Unlock()
	n.catalogue.close()
}

// slowWriter ends a connection whose client does not read, and soon when the desk ends.
type slowWriter struct {
	net.Conn
	ctx context.Context //nolint:containedctx // that of the connection
}

func (w *slowWriter) Write(b []byte) (int, error) {
	err := w.SetWriteDeadline(time.Now().Add(writeTime))
	if w.ctx.Err() != nil { // it may have ended before the deadline was set
		err = w.SetWriteDeadline(time.Now().Add(endingTime))
	}
	if err != nil {
		return 0, err
	}
	return w.Conn.Write(b)
}

// enter gives a session its process id.
func (s *Server) enter(n *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n.pid = s.nextPID
	s.nextPID++
	s.sessions[n.pid] = n
}

// copyHeader begins what COPY gives in binary.
var copyHeader = binary.BigEndian.AppendUint64([]byte("PGCOPY\n\xff\r\n\x00"), 0)
