package node

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/blobs"
	"github.com/weirdata/weir/node/vault"
)

// harm is a part of a node's directory that can go bad by itself, what is lost by it, and
// what its operator does. The operators' guide has the same table (a test holds the two
// equal), and every row is tried by a test.
type harm struct {
	part   string // below the node's directory; empty: the disk
	what   string // what is wrong with it
	lost   string
	remedy string
	is     func(error) bool
}

// harms are all of them. The first that fits an error counts.
var harms = []harm{
	{
		part: "", what: "the disk is full",
		lost:   "nothing",
		remedy: "free some space; the node goes on by itself when there is room, or is started again where its process ended",
		is:     func(err error) bool { return errors.Is(err, consensus.ErrDiskFull) },
	},
	{
		part: "ledger/state", what: "it is damaged, or differs from that of the other nodes",
		lost:   "nothing: it follows from the log",
		remedy: "stop the node, move ledger/state away, start it: it is made again from the node's own snapshot and log",
		is: func(err error) bool {
			return errors.Is(err, errDoubt) || damagedPart(err) == consensus.PartState
		},
	},
	{
		part: "ledger/wal", what: "it is damaged",
		lost:   "nothing that a majority of the nodes had acknowledged",
		remedy: "stop the node and start it: it cuts off what it can fetch again; if it does not start, with all other nodes up move ledger away, start it: everything is fetched from them",
		is:     func(err error) bool { return damagedPart(err) == consensus.PartLog },
	},
	{
		part: "ledger", what: "log, snapshots and state do not belong together",
		lost:   "nothing that a majority of the nodes had acknowledged",
		remedy: "with all other nodes up, stop the node, move ledger away, start it: everything is fetched from them",
		is:     func(err error) bool { return errors.Is(err, consensus.ErrInconsistent) },
	},
	{
		part: "blobs", what: "it cannot be opened or read",
		lost:   "nothing that another node holds",
		remedy: "with the other nodes up, stop the node, move blobs away, start it: every blob is fetched from them",
		is:     func(err error) bool { return errors.Is(err, blobs.ErrUnusable) || errors.Is(err, tiles.ErrFault) },
	},
	{
		part: "secrets", what: "a secret does not open",
		lost:   "that secret, such as the node's share of a publisher's key",
		remedy: "give the seal key that it was sealed under; if that was given, put a copy of the file back",
		is:     func(err error) bool { return errors.Is(err, vault.ErrSealed) },
	},
}

func damagedPart(err error) consensus.Part {
	if d, is := errors.AsType[*consensus.DamageError](err); is {
		return d.Part
	}
	return ""
}

// advisedError is an error with what to do about it.
type advisedError struct {
	err  error
	dir  string
	harm harm
}

// Error implements error.
func (e *advisedError) Error() string {
	return fmt.Sprintf("%v. In %s: %s. Lost is %s. What to do: %s", e.err, filepath.Join(e.dir, e.harm.part), e.harm.what, e.harm.lost, e.harm.remedy)
}

// Unwrap returns the error.
func (e *advisedError) Unwrap() error { return e.err }

// advised adds to err what an operator can do about it, where there is something.
func (c *core) advised(err error) error {
	if _, already := errors.AsType[*advisedError](err); already {
		return err
	}
	for _, h := range harms {
		if h.is(err) {
			return &advisedError{err: err, dir: c.opts.Dir, harm: h}
		}
	}
	return err
}
