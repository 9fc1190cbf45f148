package operator

import (
	"context"
	"slices"
	"sync"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/nodestatus"
	"github.com/weirdata/weir/node/desk/route"
)

// Options say what an operator's part of a desk is of.
type Options struct {
	// Client is the person's.
	Client *client.Client
	// MonitorFile keeps what was seen of the nodes' logs, as `weir evidence monitor --state` does.
	MonitorFile string
	// Archive is where backups are, a directory or a bucket; empty: the desk was not told.
	Archive string
}

// Operator answers what an operator's page asks.
type Operator struct {
	client  *client.Client
	options Options

	watching sync.Mutex // held by who looks at the logs, and at the file of what was seen
}

// New returns the operator's part of a desk.
func New(o Options) *Operator { return &Operator{client: o.Client, options: o} }

// Routes are what the page may ask.
func (o *Operator) Routes() []route.Route {
	return []route.Route{
		route.New("GET", "/api/nodes", "How every node is, what it waits for, and what is the matter", route.Reads, o.nodes),
		route.New("GET", "/api/keys", "Publishers' keys, with what their ceremonies and new shares wait for, by node", route.Reads, o.keys),
		route.New("POST", "/api/keys/{publisher}/refresh", "Have a publisher's key shared anew", route.Changes, o.refresh),
		route.New("GET", "/api/roster", "Who has a seat, and which rosters are proposed", route.Reads, o.roster),
		route.New("POST", "/api/roster/{proposal}/approve", "Approve a roster that is proposed", route.Changes, o.approve),
		route.New("GET", "/api/principals", "The admitted organisations", route.Reads, o.principals),
		route.New("POST", "/api/principals/read", "Whose public key a file has; nobody is admitted", route.Reads, o.readKey),
		route.New("POST", "/api/principals", "Admit an organisation", route.Changes, o.admit),
		route.New("GET", "/api/backups", "Backups of the archive, drills with them, deposits of nodes' shares, and restores", route.Reads, o.backups),
		route.New("GET", "/api/evidence", "Whether every node's log continues what it signed before, and all logs agree", route.Reads, o.evidence),
	}
}

// none is the input of a route without parameters.
type none struct{}

// statuses asks every node how it is. It fails with what nodes say to a key that is no operator's.
func (o *Operator) statuses(ctx context.Context) ([]nodestatus.Node, error) {
	list, err := nodestatus.BySeat(ctx, o.client)
	if err != nil {
		return nil, err
	}
	if p := strangers(list); p != nil {
		return nil, p
	}
	return list, nil
}

// strangers is what a node says to a key that is no operator's; nil: none says so.
func strangers(list []nodestatus.Node) *wire.Problem {
	at := slices.IndexFunc(list, func(n nodestatus.Node) bool {
		return n.Problem != nil && (n.Problem.Kind == wire.KindForbidden || n.Problem.Kind == wire.KindToken)
	})
	if at < 0 {
		return nil
	}
	return list[at].Problem
}
