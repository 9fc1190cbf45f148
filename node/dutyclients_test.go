package node

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/client"
)

// dutyAsked is a query that the ledger has taken.
type dutyAsked struct {
	dutyQuery
	id string
}

// submit has an act taken, by whichever node, and returns what the ledger says of it.
func (s *duties) submit(ctx context.Context, rng *rand.Rand, by *client.Key, kind catalog.Kind, body any) (catalog.Envelope, *catalog.Refusal) {
	e := s.world.envelope(by, kind, body, s.clock("n1")())
	for ctx.Err() == nil {
		if up := s.up(); len(up) > 0 {
			r := up[rng.IntN(len(up))]
			short, cancel := context.WithTimeout(ctx, 8*time.Second)
			receipt, err := r.node.Submit(short, e, false)
			cancel()
			refused, is := errors.AsType[*catalog.Refusal](err)
			busy, isBusy := errors.AsType[*api.BusyError](err)
			switch heard := !r.part.gone() && !r.part.chance(10); {
			case heard && is:
				return e, refused
			case heard && err == nil:
				return e, receipt.Outcome.Refusal
			case isBusy && busy.Wait > time.Minute:
				s.Violation("%s is busy for %s", kind, busy.Wait)
			}
		}
		_ = client.Pause(ctx, 100*time.Millisecond+time.Duration(rng.Int64N(int64(time.Second))))
	}
	s.Violation("%s %+v was never answered", kind, body)
	return e, nil
}

func (s *duties) asks(ctx context.Context, _ dutyEvent, rng *rand.Rand) {
	q := s.world.query(rng)
	e, refused := s.submit(ctx, rng, s.world.buyer, catalog.KindQuerySubmit, catalog.QuerySubmit{
		Contract: s.world.contract, Receiving: s.world.buyer.Public().Receiving, Request: q.request,
	})
	if refused != nil {
		s.Violation("a query is refused: %s", explain.Message(refused))
		return
	}
	id := catalog.QueryID(e.Digest())
	s.Note("query %s is accepted", id)
	s.mu.Lock()
	s.asked = append(s.asked, dutyAsked{q, id})
	s.mu.Unlock()
}

func (s *duties) refreshes(ctx context.Context, _ dutyEvent, rng *rand.Rand) {
	_, refused := s.submit(ctx, rng, s.world.operator, catalog.KindKeyRefresh, catalog.KeyRefresh{Key: s.world.key})
	s.Note("refresh: %v", refused)
	if refused != nil && refused.Rule != "refresh" {
		s.Violation("a refresh is refused: %s", explain.Message(refused))
	}
}

func (s *duties) appends(ctx context.Context, _ dutyEvent, rng *rand.Rand) {
	w := s.world
	if _, refused := s.submit(ctx, rng, w.bureau, catalog.KindVersionPropose, w.propose); refused != nil {
		s.Violation("a version is refused: %s", explain.Message(refused))
		return
	}
	s.Note("a version is proposed")
	commit := sync.OnceFunc(func() {
		if _, refused := s.submit(ctx, rng, w.bureau, catalog.KindVersionCommit, catalog.VersionCommit{Dataset: "firms", Version: 2}); refused != nil {
			s.Violation("a commit is refused: %s", explain.Message(refused))
		}
	})
	for ctx.Err() == nil { // as a client does, which looks whether what it sent is held
		if up := s.up(); len(up) > 0 {
			r := up[rng.IntN(len(up))]
			for d, b := range w.upload {
				_ = r.node.blobs.Put(ctx, d, b) // else it is sent again
			}
			_ = r.node.blobs.Disk.Sync(ctx)
		}
		commit()
		_ = client.Pause(ctx, 3*time.Second)
		var v catalog.Version
		err := s.ledger.newest(func(view state.View) (err error) { v, err = view.Versions().Get("firms", 2); return err })
		if err == nil && v.State == catalog.VersionLive {
			s.Note("a version is live")
			return
		}
	}
	s.Violation("a version was never live")
}
