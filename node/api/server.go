package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"github.com/weirdata/weir/consensus/panictrace"
)

// server is what the handlers share.
type server struct {
	opts       Options
	engine     *gin.Engine
	docs       huma.API
	table      map[routeKey]route // by method and gin's form of the path
	limits     *limiter
	grace      time.Duration // after a request's time, until its connection is broken
	shares     *allowance    // of sealed shares of private vectors
	principals *directory
	work       *admission
	explained  explanations
	openapi    func() ([]byte, error) // the document, written when it is first asked for
}

// routeKey finds a row of the table for a request.
type routeKey struct{ method, path string }

// release sets once what gin and huma have for the whole process: gin's mode, which by
// default prints every route to stdout, and the status of huma's errors.
var release = sync.OnceFunc(func() {
	gin.SetMode(gin.ReleaseMode)
	huma.NewErrorWithContext = blameReader
})

// New returns the handler of the node's API. It belongs behind TLS, in a server
// like the one that NewServer returns.
func New(opts Options) (http.Handler, error) {
	s, err := newServer(opts, routes(), writeGrace)
	if err != nil {
		return nil, err
	}
	return s.engine, nil
}

// newServer is New with the rows and the grace that tests choose.
func newServer(opts Options, rows []route, grace time.Duration) (*server, error) {
	opts, err := opts.checked()
	if err != nil {
		return nil, err
	}
	release()
	s := &server{
		opts:       opts,
		engine:     gin.New(),
		table:      make(map[routeKey]route),
		limits:     newLimiter(opts.Concurrency, maxBodies),
		grace:      grace,
		shares:     newAllowance(opts.ShareBytes, shareDay),
		principals: &directory{backend: opts.Backend, now: opts.Now, seen: map[string]seenPrincipal{}},
		work:       newAdmission(defaultBounds, opts.Now),
	}
	s.engine.HandleMethodNotAllowed = true
	s.engine.RedirectTrailingSlash = false
	s.engine.Use(s.recover, s.gate)
	s.docs = humagin.New(s.engine, s.describe())
	for _, r := range rows {
		key := routeKey{r.method, ginPath(r.path)}
		if _, twice := s.table[key]; twice {
			return nil, fmt.Errorf("route %s %s stands in the table twice", r.method, r.path)
		}
		s.table[key] = r
		r.mount(s, r)
	}
	s.openapi = sync.OnceValues(func() ([]byte, error) { return json.Marshal(s.docs.OpenAPI()) })
	return s, nil
}

// NewServer returns an HTTP server for the handler whose limits cut off clients
// that connect and say nothing. The time of a whole request is limited route by
// route. TLS is the caller's.
func NewServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		// Many requests share a connection of HTTP/2, where a client that reads nothing
		// would hold all of them.
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 2 * DefaultConcurrency, WriteByteTimeout: 30 * time.Second,
			SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second,
		},
	}
}

// describe is huma's configuration: no pages of its own, JSON only, unknown
// fields and parameters refused.
func (s *server) describe() huma.Config {
	config := huma.DefaultConfig("Weir", s.opts.Version)
	config.Info.Description = "A node of a Weir cluster: encrypted environmental data, a catalog, and aggregate queries on ciphertexts."
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil // no $schema members and Link headers
	strict := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshalStrict}
	config.Formats = map[string]huma.Format{"application/json": strict, "json": strict}
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{ownProblem}
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", BearerFormat: "JWT",
			Description: "Signed by the client with its principal's Ed25519 key: sub its id, aud the cluster's id, at most five minutes."},
	}
	return config
}

// schemaName is a type's name in the OpenAPI document, with its package: an
// Order is another thing in catalog than in query.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if at := strings.LastIndexByte(t.PkgPath(), '/'); at >= 0 && t.Name() != "" {
		pkg := t.PkgPath()[at+1:]
		return strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	return name
}

// ginPath turns {name} into :name.
func ginPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// recover answers a panic with 500 and keeps the node alive.
func (s *server) recover(c *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		s.opts.Logger.ErrorContext(c.Request.Context(), "panic in a handler",
			"method", c.Request.Method, "route", c.FullPath(), "panic", fmt.Sprint(p), "stack", panictrace.Frames())
		if !c.Writer.Written() {
			s.refuse(c, internal())
		}
		c.Abort()
	}()
	c.Next()
}
