package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog/strictjson"
	"github.com/weirdata/weir/consensus/panictrace"
)

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	maxMessage        = 2 << 10 // of an error, in bytes
)

// Handler answers a request of node from. The body of r is bounded by the
// route's limit. An error that is returned before anything was written becomes
// the answer: an *Error as it stands, any other as an internal error without
// details. After that it breaks the connection, so that the caller does not
// take a part for the whole.
type Handler func(ctx context.Context, from string, w http.ResponseWriter, r *http.Request) error

// ServerOptions tune a Server. The zero value is the defaults.
type ServerOptions struct {
	// StallTimeout is how long a body may make no progress; default
	// DefaultStallTimeout.
	StallTimeout time.Duration
	// Failed is told of every request that ended in an error, with the error
	// as the handler returned it; nil ignores them. It is called from many
	// goroutines and must not block. from, method and route are empty for what
	// went wrong outside of handlers.
	Failed func(from, method, route string, err error)
}

// Server answers the requests of peers. What is not registered is refused.
type Server struct {
	http   http.Server
	routes *http.ServeMux
	opts   ServerOptions
	ctx    context.Context // parent of every request's; ends with the server
	cancel context.CancelFunc
}

// NewServer returns a server without routes.
func NewServer(opts ServerOptions) *Server {
	if opts.StallTimeout <= 0 {
		opts.StallTimeout = DefaultStallTimeout
	}
	if opts.Failed == nil {
		opts.Failed = func(string, string, string, error) {}
	}
	s := &Server{routes: http.NewServeMux(), opts: opts}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	s.http = http.Server{
		Handler:           http.HandlerFunc(s.dispatch),
		Protocols:         protocols,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(failureWriter(opts.Failed), "", 0),
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ConnContext:       withNode,
	}
	return s
}

// Handle registers a route: an HTTP method, a path in the patterns of
// http.ServeMux without host and trailing slash (say /v1/blobs/{digest}), and
// the largest body in bytes it takes; 0 takes none. Routes are registered
// before Serve. Like ServeMux it panics on a pattern that is malformed or taken,
// which is an error in the program.
func (s *Server) Handle(method, pattern string, maxBody int64, h Handler) {
	if method == "" || !strings.HasPrefix(pattern, "/") || strings.HasSuffix(pattern, "/") || maxBody < 0 || h == nil {
		panic(fmt.Sprintf("peer: invalid route %s %s", method, pattern))
	}
	route := method + " " + pattern
	s.routes.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
		s.serve(&response{ResponseWriter: w, body: r.ContentLength != 0}, r, route, maxBody, h)
	})
}

// Serve answers what arrives at l, which is a Mux's Peers, until Shutdown; then
// it returns nil.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve peers: %w", err)
	}
	return nil
}

// Shutdown stops accepting, waits for the requests under way until ctx ends,
// and then breaks those that are left and cancels their contexts.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	s.cancel()
	if err != nil {
		return errors.Join(fmt.Errorf("shut down peer server: %w", err), s.http.Close())
	}
	return nil
}

// nodeKey is under what a request's context has the id of the node that it came from.
type nodeKey struct{}

func withNode(ctx context.Context, c net.Conn) context.Context {
	if p, ok := c.(*Conn); ok {
		return context.WithValue(ctx, nodeKey{}, p.node)
	}
	return ctx
}

// dispatch refuses what is not registered. ServeMux would answer some of it by
// itself, with redirects and in plain text.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) {
	_, route := s.routes.Handler(r)
	if route == "" || r.URL.Path != path.Clean(r.URL.Path) || r.URL.Host != "" {
		from, _ := r.Context().Value(nodeKey{}).(string)
		s.answer(&response{ResponseWriter: w, body: r.ContentLength != 0}, from, r.Method, "",
			&Error{Status: http.StatusNotFound, Kind: KindUnknownRoute, Message: "no such route"})
		return
	}
	s.routes.ServeHTTP(w, r)
}

func (s *Server) serve(w *response, r *http.Request, route string, maxBody int64, h Handler) {
	from, ok := r.Context().Value(nodeKey{}).(string)
	control := http.NewResponseController(w.ResponseWriter)
	// What the handler leaves of the body is discarded by net/http, which must
	// not wait for it for ever.
	defer func() { _ = control.SetReadDeadline(time.Now().Add(s.opts.StallTimeout)) }()
	if !ok {
		s.answer(w, "", r.Method, route, errors.New("connection without a node: not one of a Mux"))
		return
	}
	if r.ContentLength > maxBody {
		s.answer(w, from, r.Method, route, tooLarge(maxBody))
		return
	}
	// A copy, because net/http looks at the body of its own request afterwards.
	bounded := new(http.Request)
	*bounded = *r
	bounded.Body = http.MaxBytesReader(w.ResponseWriter, &progressBody{ReadCloser: r.Body, control: control, stall: s.opts.StallTimeout}, maxBody)
	s.answer(w, from, r.Method, route, call(h, from, w, bounded))
}

// call turns a panic of the handler into its error.
func call(h Handler, from string, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, panictrace.Frames())
		}
	}()
	return h(r.Context(), from, w, r)
}

// answer reports err and answers with it, as far as that is still possible.
func (s *Server) answer(w *response, from, method, route string, err error) {
	if err == nil {
		return
	}
	s.opts.Failed(from, method, route, err)
	if w.begun {
		panic(http.ErrAbortHandler) // net/http's way to break the connection
	}
	var told *Error
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		told = tooLarge(tooLong.Limit)
	case errors.As(err, &told) && told.Status >= 400 && told.Status <= 599:
	case s.ctx.Err() != nil && errors.Is(err, context.Canceled):
		told = &Error{Status: http.StatusServiceUnavailable, Kind: KindClosing, Message: "the node is shutting down"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		told = &Error{Status: http.StatusBadRequest, Kind: KindInvalid, Message: "the body was cut short"}
	default:
		told = &Error{Status: http.StatusInternalServerError, Kind: KindInternal, Message: "internal error"}
	}
	if w.body {
		// The unread rest of a body cannot be told from a next request. Without one the
		// connection stays: a node that asks for blobs is often told that this one has none,
		// and would pay for each with a handshake.
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(told.Status)
	// A caller that is gone does not need its answer.
	_ = json.NewEncoder(w).Encode(errorBody{Kind: told.Kind, Message: strings.ToValidUTF8(told.Message[:min(len(told.Message), maxMessage)], "")})
}

// errorBody is an error as it travels.
type errorBody struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

func tooLarge(limit int64) *Error {
	return &Error{
		Status: http.StatusRequestEntityTooLarge, Kind: KindTooLarge,
		Message: fmt.Sprintf("the body exceeds %d bytes", limit),
	}
}

// response notes whether the answer has begun.
type response struct {
	http.ResponseWriter
	body  bool // the request has one, or may have
	begun bool
}

func (w *response) WriteHeader(status int) {
	w.begun = w.begun || status >= 200
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// progressBody gives every Read of a request's body its own time. A deadline
// for the whole would have to know its length and the link. At the end of the
// body net/http clears the deadline and reads on, to notice that the caller has
// gone; the handler's work is not limited.
type progressBody struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration
}

func (b *progressBody) Read(p []byte) (int, error) {
	if err := b.control.SetReadDeadline(time.Now().Add(b.stall)); err != nil {
		return 0, err
	}
	return b.ReadCloser.Read(p)
}

// failureWriter passes what net/http has to say on.
type failureWriter func(from, method, route string, err error)

func (w failureWriter) Write(p []byte) (int, error) {
	w("", "", "", errors.New(strings.TrimSpace(string(p))))
	return len(p), nil
}

// ReadJSON decodes the one JSON value that is a request's body, strictly.
func ReadJSON(r *http.Request, to any) error {
	err := strictjson.Read(r.Body, to)
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); err == nil || tooLong {
		return err
	}
	return &Error{Status: http.StatusBadRequest, Kind: KindInvalid, Message: "malformed request: " + err.Error()}
}

// WriteJSON answers with a value as JSON and status 200.
func WriteJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(b)
	return err
}
