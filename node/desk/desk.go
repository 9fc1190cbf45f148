package desk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/desk/auditor"
	"github.com/weirdata/weir/node/desk/bureau"
	"github.com/weirdata/weir/node/desk/buyer"
	"github.com/weirdata/weir/node/desk/loopback"
	"github.com/weirdata/weir/node/desk/notice"
	"github.com/weirdata/weir/node/desk/operator"
	"github.com/weirdata/weir/node/desk/postgres"
	"github.com/weirdata/weir/node/desk/route"
)

// DefaultListen is where a desk listens unless it is told otherwise.
const DefaultListen = "127.0.0.1:8787"

// ErrNotLoopback is returned for an address that others than this machine reach.
var ErrNotLoopback = errors.New("a desk listens on this machine's loopback interface alone")

const (
	// maxConnections is more than the tabs of a person and a notebook need.
	maxConnections = 64
	// graceTime is how long requests that are answered may take to end when the desk does.
	graceTime = 3 * time.Second
)

// Options say what a desk is.
type Options struct {
	// Client is the person's. Without a key it reads what is public, and verifies receipts.
	Client *client.Client
	// Dir is where the client's machine keeps answers, and queries until they are answered.
	Dir string
	// Archive is where an operator's backups are, a directory or a bucket; empty: none are listed.
	Archive string
	// Feeds are the files of configurations of feeds that run on this machine.
	Feeds []string
	// Maps are files of maps, GeoJSON, by the columns whose values are their areas.
	Maps map[string]string
	// Watch is how often is looked for what the person is told of; 0: never. NotifyURL and NotifyCommand are told it, too.
	Watch                    time.Duration
	NotifyURL, NotifyCommand string
	// ReadOnly refuses whatever spends, signs or changes something.
	ReadOnly bool
	// Postgres is where the desk speaks Postgres' protocol, such as 127.0.0.1:5433; empty: nowhere. It needs a key.
	Postgres string
	// Version of the program.
	Version string
	// Logger is told of requests that are another origin's; nil: nobody is.
	Logger *slog.Logger
}

// Desk is a person's console. Make it with New, and Close it when Serve has not.
type Desk struct {
	options  Options
	listener net.Listener
	gate     *gate
	buyer    *buyer.Buyer
	postgres *postgres.Server // nil: it speaks HTTP alone
	access   *PostgresAccess  // to it
	bureau   *bureau.Bureau
	notices  *notice.Watcher
	routes   []route.Route
	handler  http.Handler
}

// New returns a desk that listens on an address such as 127.0.0.1:8787; port 0 is any that is free. It answers nobody
// before Serve. It fails with ErrNotLoopback, and where a map cannot be read.
func New(listen string, o Options) (*Desk, error) {
	if err := buyer.CheckMaps(o.Maps); err != nil {
		return nil, err
	}
	addr, err := loopback.Address(listen, DefaultListen, ErrNotLoopback)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the browser: %w", err)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Desk{options: o, listener: netutil.LimitListener(listener, maxConnections), gate: newGate(listener.Addr().String(), o.ReadOnly)}
	d.buyer = buyer.New(o.Client, o.Dir, o.Maps)
	d.bureau = bureau.New(o.Client, o.Feeds)
	d.notices = notice.New(notice.Options{
		Look: notice.Looker(o.Client, o.Feeds), Tell: notice.Teller(o.NotifyURL, o.NotifyCommand), Now: time.Now,
		Failed: func(err error) { o.Logger.Warn("a notice was not told", "err", err) },
	})
	d.routes = d.table()
	d.handler, err = d.mount()
	if err == nil {
		err = d.listenPostgres()
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// table is everything that the API answers.
func (d *Desk) table() []route.Route {
	all := []route.Route{route.New("GET", "/api/session", "Whose desk this is, and of which cluster", route.Reads, d.session)}
	all = append(all, route.New("GET", "/api/notices", "What happened since the desk was started, the newest first", route.Reads, d.listNotices))
	all = append(all, route.New("GET", "/api/tools", "How tools on this machine connect, by Postgres' protocol; the password is in a file", route.Reads, d.tools))
	all = append(all, d.buyer.Routes()...)
	all = append(all, operator.New(operator.Options{
		Client: d.options.Client, MonitorFile: filepath.Join(d.options.Dir, "desk.monitor"), Archive: d.options.Archive,
	}).Routes()...)
	all = append(all, d.bureau.Routes()...)
	return append(all, auditor.New(d.options.Client.Profile).Routes()...)
}

// Link returns an address that opens the desk in a browser, once.
func (d *Desk) Link() string { return d.gate.link() }

// Close ends what is under way and closes the port. Serve does it too.
func (d *Desk) Close() {
	d.listener.Close() //nolint:errcheck,gosec // it may be closed already
	if d.postgres != nil {
		d.postgres.Close()
	}
	d.buyer.Close()
	if err := d.bureau.Close(); err != nil {
		d.options.Logger.Error("files that were dropped are left", "err", err)
	}
}

// Serve answers requests until ctx ends, and returns when nothing of the desk is left.
func (d *Desk) Serve(ctx context.Context) error {
	defer d.Close()
	// Requests end with the desk: those that are held for news of a query.
	requests, end := context.WithCancel(context.Background())
	defer end()
	server := &http.Server{
		Handler:           d.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * route.DefaultWait,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          slog.NewLogLogger(d.options.Logger.Handler(), slog.LevelDebug),
	}
	if err := d.writeNotebookLink(); err != nil {
		return err
	}
	stop := d.watch(requests)
	defer func() { end(); stop() }()
	sql := d.servePostgres(requests)
	served := make(chan error, 1)
	go func() { served <- server.Serve(d.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the desk: %w", err)
	case <-ctx.Done():
	}
	end()
	failed := errors.Join(sql(), d.removeNotebookLink())
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTime)
	defer cancel()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	if stopped := <-served; !errors.Is(stopped, http.ErrServerClosed) {
		err = errors.Join(err, stopped)
	}
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("end the desk: %w", err)
	}
	return nil
}

// watch has the watcher look until ctx ends, and returns what waits for its end.
func (d *Desk) watch(ctx context.Context) (wait func()) {
	if d.options.Watch <= 0 {
		return func() {}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(d.options.Watch)
		defer tick.Stop()
		d.notices.Run(ctx, tick.C)
	})
	return wg.Wait
}

// Notices answers GET /api/notices.
type Notices struct {
	Notices []notice.Notice `json:"notices"`
}

func (d *Desk) listNotices(context.Context, struct{}) (Notices, error) {
	return Notices{d.notices.All()}, nil
}

// mount is the desk's handler: what is no request of this origin, the link, the API, and the page's files.
func (d *Desk) mount() (http.Handler, error) {
	page, err := newPage()
	if err != nil {
		return nil, err
	}
	document, err := route.OpenAPI(d.routes)
	if err != nil {
		return nil, err
	}
	api := http.NewServeMux()
	for _, r := range d.routes {
		api.HandleFunc(r.Method+" "+r.Path, func(w http.ResponseWriter, req *http.Request) {
			if p := d.gate.admit(req, r); p != nil {
				route.WriteProblem(w, req, p)
				return
			}
			r.ServeHTTP(w, req)
		})
	}
	api.HandleFunc("GET /api/openapi.json", func(w http.ResponseWriter, req *http.Request) {
		if p := d.gate.admit(req, route.Route{}); p != nil {
			route.WriteProblem(w, req, p)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
		_, _ = w.Write(document) //nolint:errcheck // nobody is left to be told
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range secureHeaders {
			w.Header().Set(name, value)
		}
		if p := d.gate.stranger(r); p != nil {
			d.options.Logger.WarnContext(r.Context(), "a request was refused", "why", p.Message, "origin", r.Header.Get("Origin"), "host", r.Host, "method", r.Method)
			route.WriteProblem(w, r, p)
			return
		}
		switch {
		case strings.HasPrefix(r.URL.Path, openPath):
			d.open(w, r)
		case strings.HasPrefix(r.URL.Path, "/api/"):
			api.ServeHTTP(w, r)
		case r.Method == http.MethodPost:
			route.WriteProblem(w, r, noSession())
		case !d.gate.hasCookie(r):
			page.stranger(w)
		default:
			page.ServeHTTP(w, r)
		}
	}), nil
}

// Session is whose desk it is.
type Session struct {
	Cluster   catalog.Digest `json:"cluster"`
	Nodes     int            `json:"nodes"`
	Name      string         `json:"name,omitempty"`      // of the key's owner; empty: there is no key
	Principal string         `json:"principal,omitempty"` // its id
	ReadOnly  bool           `json:"read_only"`
	Version   string         `json:"version"`
}

func (d *Desk) session(context.Context, struct{}) (Session, error) {
	profile := d.options.Client.Profile()
	out := Session{Cluster: profile.Cluster, Nodes: len(profile.Nodes), ReadOnly: d.options.ReadOnly, Version: d.options.Version}
	if key := d.options.Client.Key(); key != nil {
		out.Name, out.Principal = key.Name, key.ID()
	}
	return out, nil
}
