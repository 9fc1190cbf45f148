package api

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
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
		row.cost.timeout = short
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), row.cost.timeout)
	defer cancel()
	if err := s.cutOff(ctx, c.Writer); err != nil {
		s.turnAway(c, err)
		return
	}
	if !ok {
		s.turnAway(c, noRoute(c))
		return
	}
	body := c.Request.ContentLength
	if body > row.body || body < 0 && row.body == 0 {
		s.turnAway(c, tooLarge(row.body))
		return
	}
	if body < 0 { // it does not say
		body = row.body
	}
	ctx, leave, err := s.admit(ctx, c.Request, row.access, body)
	if err != nil {
		s.putOff(c, err)
		return
	}
	defer leave()
	caller, anonymous := "principal "+callerOf(ctx).ID, row.access.public
	if anonymous {
		caller = "address " + remoteNet(c.Request.RemoteAddr)
	}
	finish, err := s.work.enter(ctx, row.cost.kind, caller, anonymous, row.cost.bytes(c.Request, body))
	if err != nil {
		s.putOff(c, err)
		return
	}
	defer finish()
	// A copy: net/http looks at the body of its own request afterwards. Were it replaced
	// there, a body that was given up half read would pass for one that was read, and what
	// still comes of it for the next request on the connection.
	bounded := c.Request.WithContext(ctx)
	bounded.Body = http.MaxBytesReader(c.Writer, c.Request.Body, row.body)
	c.Request = bounded
	c.Next()
}

// putOff refuses a request that may come again. A small body is read first, so that the
// connection stays: a node that has too much to do can do without new ones.
func (s *server) putOff(c *gin.Context, err error) {
	p, known := errors.AsType[*wire.Problem](err)
	again := known && (p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable)
	if length := c.Request.ContentLength; again && length >= 0 && length <= maxUnread {
		if deadline := hurry(c); deadline != nil {
			err = deadline
		} else if _, unread := io.CopyN(io.Discard, c.Request.Body, length); unread == nil {
			s.refuse(c, err)
			return
		}
	}
	s.turnAway(c, err)
}

// maxUnread bounds the body that is read of a request that is refused.
const maxUnread = 192 << 10

// turnAway refuses a request whose body nobody has read. The connection ends with it, soon:
// net/http would read the body first, keep the answer until it has come, and wait for it
// as long as for one that is wanted.
func (s *server) turnAway(c *gin.Context, err error) {
	if c.Request.ContentLength != 0 {
		if c.Request.ProtoMajor == 1 { // others have streams, which end alone
			c.Header("Connection", "close")
		}
		if deadline := hurry(c); deadline != nil {
			err = deadline
		}
	}
	s.refuse(c, err)
}

// hurry has what is still read of a request end soon.
func hurry(c *gin.Context) error {
	return supported(http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(unreadGrace)))
}

// supported is err, but for that of a test's recorder, which has no connection to set
// deadlines on; a server's always has.
func supported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// unreadGrace lets a client that is sending get to its answer.
const unreadGrace = time.Second

// cutOff has the connection broken when the request is not read and answered by some
// time after ctx's deadline, whatever becomes of it: net/http reads what a handler left
// of a body, and would wait for a client that sends a byte now and then.
func (s *server) cutOff(ctx context.Context, w http.ResponseWriter) error {
	deadline, _ := ctx.Deadline()
	rc, at := http.NewResponseController(w), deadline.Add(s.grace)
	return cmp.Or(supported(rc.SetReadDeadline(at)), supported(rc.SetWriteDeadline(at)))
}

// writeGrace lets an answer that was ready at the deadline still go out.
const writeGrace = 10 * time.Second

// admit finds out who asks, as the row demands, and takes a place for one more request of
// theirs with a body of so many bytes. The caller gives it back. Until somebody has shown
// who they are, they count by their address: looking for the principal of a token can cost
// a round of the cluster, and anybody can write any token.
func (s *server) admit(ctx context.Context, r *http.Request, a access, body int64) (context.Context, func(), error) {
	if a.public {
		leave, err := s.limits.enter("address "+remoteNet(r.RemoteAddr), body)
		return ctx, leave, err
	}
	leave, err := s.limits.enter("stranger "+remoteNet(r.RemoteAddr), 0)
	if err != nil {
		return ctx, nil, err
	}
	who, err := s.authenticate(ctx, r.Header.Get("Authorization"), a)
	leave()
	if err != nil {
		return ctx, nil, err
	}
	leave, err = s.limits.enter("principal "+who.ID, body)
	return context.WithValue(ctx, callerKey{}, who), leave, err
}

// callerKey is the context key of the authenticated principal.
type callerKey struct{}

// callerOf returns the principal that the gate authenticated. The zero value
// owns nothing and has no role.
func callerOf(ctx context.Context) catalog.Principal {
	p, _ := ctx.Value(callerKey{}).(catalog.Principal)
	return p
}

// authenticate checks the bearer token in the header Authorization and the principal's role.
func (s *server) authenticate(ctx context.Context, authorization string, a access) (catalog.Principal, error) {
	scheme, text, ok := strings.Cut(authorization, " ")
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
	case errors.Is(err, token.ErrInvalid) && s.opts.ClockFault() != nil:
		return catalog.Principal{}, fmt.Errorf("%w: it cannot judge the token: %w", ErrUnavailable, s.opts.ClockFault())
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
	p := wire.NewProblem(http.StatusUnauthorized, wire.KindToken, message).Advising(fix)
	p.Header = http.Header{"Www-Authenticate": {"Bearer"}}
	return p
}

func wrongRole(who catalog.Principal, roles []catalog.Role) *wire.Problem {
	message := fmt.Sprintf("%s is a %s, this is for the role %s", who.Name, who.Role, rolesWords(roles))
	return wire.NewProblem(http.StatusForbidden, wire.KindForbidden, message).Advising("use another key (--key or --as)")
}

func rolesWords(roles []catalog.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, " or ")
}

// remoteNet is whom a connection counts as: its address, of which a machine has one in
// IPv4, and 2^64 in IPv6.
func remoteNet(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	addr := at.Addr().Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}

// errNoPrincipal is returned when a token names nobody.
var errNoPrincipal = errors.New("no such principal")

// principalLife is how long a principal's record is used without asking the
// ledger again: an upload of thousands of tiles then costs one read, and a
// change of the record counts everywhere within seconds.
const principalLife = 10 * time.Second

// maxPrincipals bounds the memory; beyond it everything is forgotten, which
// costs reads and nothing else.
const maxPrincipals = 4096

// directory finds principals, and remembers them for principalLife. It never
// remembers that there was none, so that a principal who has just been admitted
// is not turned away.
type directory struct {
	backend Backend
	now     func() time.Time

	mu   sync.Mutex
	seen map[string]seenPrincipal // guarded by mu
}

type seenPrincipal struct {
	record catalog.Principal
	until  time.Time
}

// find returns a principal's record. With own, this node's state decides alone: a
// principal that it does not know yet is none, and it needs no quorum.
func (d *directory) find(ctx context.Context, id string, own bool) (catalog.Principal, error) {
	d.mu.Lock()
	known, ok := d.seen[id]
	d.mu.Unlock()
	if ok && d.now().Before(known.until) {
		return known.record, nil
	}
	var record catalog.Principal
	look := func(v state.View) (err error) {
		record, err = v.Principal(id)
		if errors.Is(err, records.ErrNotFound) {
			return errNoPrincipal
		}
		return err
	}
	if own {
		err := d.backend.Look(look)
		return record, err
	}
	if err := d.backend.Read(ctx, look); err != nil {
		return catalog.Principal{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.seen) >= maxPrincipals {
		clear(d.seen)
	}
	d.seen[id] = seenPrincipal{record: record, until: d.now().Add(principalLife)}
	return record, nil
}
