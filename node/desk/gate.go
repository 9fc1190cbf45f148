package desk

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/desk/route"
)

// Names of the two parts of a session. Cookies are sent to every port of a host, and so to whoever else listens on
// this one: the cookie alone opens nothing but files that are no secret. The header's part is in the page's storage,
// which is its origin's alone, port included.
const (
	cookieName = "weir_desk"
	headerName = "X-Weir-Desk"
)

// openPath begins the path of links that open the desk.
const openPath = "/open/"

// maxLinks is how many links may wait to be opened.
const maxLinks = 8

// secret draws 256 bits, as text.
func secret() string {
	b := make([]byte, 32)
	rand.Read(b) //nolint:errcheck // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// gate says who may pass.
type gate struct {
	host     string // as the browser has it: 127.0.0.1:8787
	readOnly bool
	cookie   string
	key      string

	mu    sync.Mutex
	links []string // guarded by mu; tokens that were not used yet
	// notebook is that of the link in the file for notebooks; empty: there is none.
	notebook string // guarded by mu
}

func newGate(host string, readOnly bool) *gate {
	return &gate{host: host, readOnly: readOnly, cookie: secret(), key: secret()}
}

// link returns the address that opens the desk, once. The oldest of too many is void.
func (g *gate) link() string {
	token := secret()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.links = append(g.links, token); len(g.links) > maxLinks {
		g.links = g.links[1:]
	}
	return "http://" + g.host + openPath + token
}

// use reports whether a token opens the desk, and voids it.
func (g *gate) use(token string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.IndexFunc(g.links, func(t string) bool { return equal(t, token) })
	if at < 0 {
		return false
	}
	g.links = slices.Delete(g.links, at, at+1)
	return true
}

// equal compares secrets in a time that does not depend on how much of them is alike.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// contentPolicy lets the page load what the desk serves and nothing else. Pico's style sheet has its pictograms in itself,
// as data.
const contentPolicy = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"

// secureHeaders are on every answer. There is none that lets another origin read it.
var secureHeaders = map[string]string{
	"Content-Security-Policy":      contentPolicy,
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cross-Origin-Embedder-Policy": "require-corp",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

// stranger says why a request is not looked at, whatever it asks: it is not from this origin's pages, nor a person's own
// navigation; nil: it may be.
func (g *gate) stranger(r *http.Request) *wire.Problem {
	refuse := func(status int, message, fix string) *wire.Problem {
		return wire.NewProblem(status, route.KindGate, message).Advising(fix)
	}
	// A name of another host that leads here is DNS rebinding.
	if r.Host != g.host {
		return refuse(http.StatusMisdirectedRequest, "the desk is at http://"+g.host+" alone", "open the link that `weir desk` prints")
	}
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost}, r.Method) {
		return refuse(http.StatusMethodNotAllowed, "the desk answers GET and POST alone", "")
	}
	if r.Header.Get("Upgrade") != "" || strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade") {
		return refuse(http.StatusForbidden, "the desk has no other protocols, WebSocket neither", "")
	}
	for _, name := range []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", headerName, "Content-Type"} {
		if len(r.Header.Values(name)) > 1 {
			return refuse(http.StatusForbidden, "the header "+name+" stands there twice", "")
		}
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+g.host {
		return refuse(http.StatusForbidden, "the request is another origin's", "")
	}
	if slices.Contains([]string{"iframe", "frame", "embed", "object", "fencedframe"}, r.Header.Get("Sec-Fetch-Dest")) {
		return refuse(http.StatusForbidden, "the desk is shown in no other page", "open it in a tab of its own")
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none": // no browser, this origin, or a person who typed the address
		return nil
	}
	// The link may be opened from a file or another program's window, and a link to the page followed; neither brings a
	// session along.
	navigates := r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	if navigates && (r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, openPath)) {
		return nil
	}
	return refuse(http.StatusForbidden, "the request is another site's", "")
}

// hasCookie reports whether the request shows the cookie.
func (g *gate) hasCookie(r *http.Request) bool {
	all := r.CookiesNamed(cookieName)
	return slices.ContainsFunc(all, func(c *http.Cookie) bool { return equal(c.Value, g.cookie) })
}

// admit says why a request may not call a route; nil: it may.
func (g *gate) admit(r *http.Request, to route.Route) *wire.Problem {
	if !g.hasCookie(r) || !equal(r.Header.Get(headerName), g.key) {
		return noSession()
	}
	if g.readOnly && to.Effect == route.Changes {
		return wire.NewProblem(http.StatusForbidden, route.KindReadOnly, "this desk is read-only: it spends, signs and changes nothing").
			Advising("start `weir desk` without --read-only")
	}
	if kind := r.Header.Get("Content-Type"); r.Method == http.MethodPost && kind != "application/json" {
		return wire.NewProblem(http.StatusUnsupportedMediaType, wire.KindRequest, "a body is application/json, and no form")
	}
	return nil
}

// noSession is what a stranger is told.
func noSession() *wire.Problem {
	return wire.NewProblem(http.StatusUnauthorized, route.KindGate, "the desk does not know this browser").
		Advising("open the link that `weir desk` prints; each counts once")
}
