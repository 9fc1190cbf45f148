package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/weirdata/weir/catalog"
)

// RouteInfo is a row of the table, for the test that walks it.
type RouteInfo struct {
	Method, Path string
	Public       bool
	Roles        []catalog.Role
	Body         int64
	Memory       int64 // that a request takes at the worst, bytes
}

// TableRows lists the table.
func TableRows() []RouteInfo {
	var out []RouteInfo
	for _, r := range routes() {
		out = append(out, RouteInfo{r.method, r.path, r.access.public, r.access.roles, r.body, r.cost.memory})
	}
	return out
}

// NewHurried is New with times so short that a test can wait for them: a request may
// take as long as said, and its connection lasts as long again.
func NewHurried(opts Options, each time.Duration) (http.Handler, error) {
	rows := routes()
	for i := range rows {
		rows[i].cost.timeout = each
	}
	s, err := newServer(opts, rows, each)
	if err != nil {
		return nil, err
	}
	return s.engine, nil
}

// RemoteNet is remoteNet.
func RemoteNet(remote string) string { return remoteNet(remote) }

// UnmarshalStrict is unmarshalStrict.
func UnmarshalStrict(b []byte, into any) error { return unmarshalStrict(b, into) }

// NewWithUnlisted is New with a handler that has no row in the table, and the
// list of all that gin routes.
func NewWithUnlisted(opts Options, method, path string, h http.HandlerFunc) (http.Handler, []RouteInfo, error) {
	s, err := newServer(opts, routes(), writeGrace)
	if err != nil {
		return nil, nil, err
	}
	var mounted []RouteInfo
	for _, r := range s.engine.Routes() {
		mounted = append(mounted, RouteInfo{Method: r.Method, Path: r.Path})
	}
	s.engine.Handle(method, path, gin.WrapF(h))
	return s.engine, mounted, nil
}
