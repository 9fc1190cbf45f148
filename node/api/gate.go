package api

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/token"
	"github.com/weirdata/weir/node/api/wire"
)

// access says who may use a route.
type access struct {
	// public needs no token; everything else does.
	public bool
	// roles that the token's principal must have one of; none: any principal.
	roles []catalog.Role
	// own: the principal is looked up in this node's own state, so that the route is
	// answered without a quorum.
	own bool
}

var (
	anyone     = access{public: true}
	principals = access{}
	publishers = access{roles: []catalog.Role{catalog.RolePublisher}}
	askers     = access{roles: []catalog.Role{catalog.RoleBuyer, catalog.RolePublisher}}
	operators  = access{roles: []catalog.Role{catalog.RoleOperator}}
	// watchers are operators who look at one node, whatever has become of the others.
	watchers = access{roles: []catalog.Role{catalog.RoleOperator}, own: true}
)

// gate stands in front of every handler: it lets a request through only when
// its route has a row in the table and the row's conditions hold.
func (s *server) gate(c *gin.Context) {
	row, ok := s.table[routeKey{c.Request.Method, c.FullPath()}]
	if !ok {
		s.refuse(c, noRoute(c))
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), row.timeout)
	defer cancel()
	caller := "address " + remoteHost(c.Request)
	if !row.access.public {
		who, err := s.authenticate(ctx, c.Request, row.access)
		if err != nil {
			s.refuse(c, err)
			return
		}
		ctx = context.WithValue(ctx, callerKey{}, who)
		caller = "principal " + who.ID
	}
	if !s.limits.enter(caller) {
		s.refuse(c, tooMany(s.opts.Concurrency))
		return
	}
	defer s.limits.leave(caller)

	if c.Request.ContentLength > row.body {
		s.refuse(c, tooLarge(row.body))
		return
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, row.body)
	deadline, _ := ctx.Deadline()
	// The deadlines cut off a client that reads or writes slowly. A test's
	// recorder has no connection to set them on; a server's always has.
	rc := http.NewResponseController(c.Writer)
	for _, set := range []func(time.Time) error{rc.SetReadDeadline, rc.SetWriteDeadline} {
		if err := set(deadline.Add(writeGrace)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			s.refuse(c, err)
			return
		}
	}
	c.Request = c.Request.WithContext(ctx)
	c.Next()
}

// writeGrace lets an answer that was ready at the deadline still go out.
const writeGrace = 10 * time.Second

// callerKey is the context key of the authenticated principal.
type callerKey struct{}

// callerOf returns the principal that the gate authenticated. The zero value
// owns nothing and has no role.
func callerOf(ctx context.Context) catalog.Principal {
	p, _ := ctx.Value(callerKey{}).(catalog.Principal)
	return p
}

// authenticate checks the bearer token and the principal's role.
func (s *server) authenticate(ctx context.Context, r *http.Request, a access) (catalog.Principal, error) {
	scheme, text, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return catalog.Principal{}, noToken("this needs a token", "send \"Authorization: Bearer TOKEN\" with a token signed by your key")
	}
	var who catalog.Principal
	_, err := token.Verify(text, s.opts.Cluster.String(), s.opts.Now(), func(id string) (ed25519.PublicKey, error) {
		p, err := s.principals.find(ctx, id, a.own)
		who = p
		return p.Key, err
	})
	switch {
	case errors.Is(err, errNoPrincipal):
		return catalog.Principal{}, noToken("the token's principal is not admitted to this cluster", "ask an operator for `weir principal add`")
	case errors.Is(err, token.ErrInvalid):
		return catalog.Principal{}, noToken(err.Error(), "sign a new one, for this cluster, at most five minutes long; check the clock")
	case err != nil:
		return catalog.Principal{}, err
	case len(a.roles) > 0 && !slices.Contains(a.roles, who.Role):
		return catalog.Principal{}, wrongRole(who, a.roles)
	}
	return who, nil
}

func noToken(message, fix string) *wire.Problem {
	p := wire.NewProblem(http.StatusUnauthorized, wire.KindToken, message)
	p.Fix = fix
	p.Header = http.Header{"Www-Authenticate": {"Bearer"}}
	return p
}

func wrongRole(who catalog.Principal, roles []catalog.Role) *wire.Problem {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	p := wire.NewProblem(http.StatusForbidden, wire.KindForbidden,
		who.Name+" is a "+string(who.Role)+", this is for the role "+strings.Join(names, " or "))
	p.Fix = "use another key (--key or --as)"
	return p
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
