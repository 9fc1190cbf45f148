package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/mpc"
)

// sawEntry looks at what an entry did. The ledger's lock is held.
func (s *duties) sawEntry(seq uint64, entry, outcome []byte) {
	v := s.ledger.machine.View(&dutyState{s.ledger, seq + 1, true})
	k, err := v.Keys().Get(s.world.key)
	if err != nil {
		s.Violation("the key after entry %d: %v", seq, err)
		return
	}
	s.sawMoves(seq, v)
	s.mu.Lock()
	before, now := s.epochs[k.ID], k.InForce()
	s.epochs[k.ID] = now.Epoch
	s.mu.Unlock()
	if before > 0 && now.Epoch != before {
		s.Note("epoch %d is in force", now.Epoch)
		if now.Epoch != before+1 || k.Retired == nil {
			s.Violation("entry %d: epoch %d is in force after %d, retired is %+v", seq, now.Epoch, before, k.Retired)
		}
		for _, id := range k.Nodes {
			if !s.machine(id).store.durable(mpc.SharingSession(now)) {
				s.Violation("entry %d: epoch %d is in force, and %s has not stored its share", seq, now.Epoch, id)
			}
		}
	}
	if s.Log.Enabled(context.Background(), slog.LevelInfo) {
		e, err := catalog.ParseEntry(entry)
		if err == nil {
			p, _ := catalog.ParsePayload(e.Envelope.Payload)
			s.Log.Info(fmt.Sprintf("ENTRY %d %s %s %.300s → %.200s", seq, e.Envelope.Signer, p.Kind, p.Body, outcome))
		}
	}
}

// givenHandler hears what a node gives to openings.
type givenHandler struct {
	slog.Handler
	of   *duties
	node string
}

func (h givenHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h givenHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == mpc.MessageGiven {
		at := map[string]string{}
		r.Attrs(func(a slog.Attr) bool { at[a.Key] = a.Value.String(); return true })
		h.of.gave(h.node, at)
	}
	if h.Handler == slog.DiscardHandler {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

func (h givenHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return givenHandler{h.Handler.WithAttrs(a), h.of, h.node}
}

// gave checks that a node gives one thing in one place of an attempt, and for what the others do.
func (s *duties) gave(node string, at map[string]string) {
	place := at["session"] + " batch " + at["batch"]
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, now := range map[string]string{node + " in " + place: at["contexts"] + " " + at["given"], "everybody in " + place: at["contexts"]} {
		if before, known := s.given[name]; known && before != now {
			s.Violation("%s: gave %s and then %s", name, before, now)
		}
		s.given[name] = now
	}
}

// await waits until nothing is left to do.
func (s *duties) await() {
	why := ""
	for begun := time.Now(); time.Since(begun) < dutyPatient; time.Sleep(time.Second) {
		if why = s.unsettled(); why == "" {
			return
		}
	}
	s.Violation("%s after the last fault %s", dutyPatient, why)
}

// unsettled says what is left to do.
func (s *duties) unsettled() (why string) {
	err := s.ledger.newest(func(v state.View) error {
		pending, err := v.PendingQueries()
		if err != nil {
			return err
		}
		k, err := v.Keys().Get(s.world.key)
		if err != nil {
			return err
		}
		c, err := v.Keys().Canary(k.ID)
		switch {
		case err != nil:
			return err
		case len(pending) > 0:
			why = fmt.Sprintf("query %s is %s: %+v", pending[0].ID, pending[0].State, pending[0].Attempts)
		case k.Refresh != nil:
			why = fmt.Sprintf("key %s is shared anew: %+v", k.ID, *k.Refresh)
		case k.Retired != nil:
			why = fmt.Sprintf("old shares of key %s are not erased: %+v", k.ID, *k.Retired)
		case c.Number > 0 && c.Ended == 0:
			why = fmt.Sprintf("a canary of key %s is not over: %+v", k.ID, c)
		default:
			why, err = s.seatsUnsettled(v)
		}
		return err
	})
	if err != nil {
		return err.Error()
	}
	for _, r := range s.up() {
		if s.ledger.behind(r.part) {
			return r.id + " is behind"
		}
	}
	return why
}

// check looks at what came of a schedule.
func (s *duties) check(r *dutyResult) {
	err := s.ledger.newest(func(v state.View) error {
		for _, a := range s.asked {
			q, err := v.Query(a.id)
			if err != nil {
				return fmt.Errorf("query %s: %w", a.id, err)
			}
			if q.State == catalog.QueryFailed {
				r.failed++
				r.attempts += len(q.Attempts)
				s.Note("%s failed: %s", q.ID, explain.Reason(q.Reason))
				if q.Reason.IsZero() || q.Price != "" && !q.Refunded {
					s.Violation("query %s failed without a reason, or its price is kept: %+v", q.ID, q)
				}
				continue
			}
			r.answered++
			if q.Submit.Request.In != "" {
				r.private++
			}
			if q.Repeats != "" {
				r.repeats++
			}
			r.attempts += len(q.Attempts) - 1
			if err := s.checkFigure(v, a, q); err != nil {
				s.Violation("query %s (%+v): %v", q.ID, q.Attempts, err)
			}
		}
		if err := s.checkAccount(v); err != nil {
			return err
		}
		return errors.Join(s.checkKey(v, r), s.checkVectors(v, r))
	})
	if err != nil {
		s.Violation("the state cannot be read: %v", err)
	}
}

// checkFigure opens an answer as its buyer does, and compares it with the plaintext.
func (s *duties) checkFigure(v state.View, a dutyAsked, q catalog.Query) error {
	verdict, err := v.Verdict(q.ID)
	if err != nil {
		return err
	}
	n := s.up()[0].node
	w, err := n.versions.Sources(context.Background(), verdict)
	if err != nil {
		return err
	}
	p, err := n.versions.Plan(w, verdict)
	if err != nil {
		return err
	}
	shares, err := v.Shares(q.ID)
	if err != nil {
		return err
	}
	if len(shares) != s.world.members.Threshold || p.Digest() != q.Plan {
		return fmt.Errorf("%d shares of plan %s, want %d of %s", len(shares), q.Plan, s.world.members.Threshold, p.Digest())
	}
	sums, parity := make([]uint64, p.Width), make([]uint64, 1)
	for _, x := range shares {
		plain, err := s.world.buyer.Open([]byte(seal.ShareInfo), seal.ShareAAD(q.Context, q.Plan, q.Envelope), x.Sealed)
		if err != nil {
			return err
		}
		values, own, err := seal.DecodeShare(plain, p.Width, s.world.params.T())
		if err != nil {
			return err
		}
		if own == nil {
			own = new(uint64)
		}
		if err := errors.Join(s.world.params.AddMod(sums, values), s.world.params.AddMod(parity, []uint64{*own})); err != nil {
			return err
		}
	}
	got, want := s.world.params.Centre(sums[0]), s.world.truth(a.dutyQuery, q.Version)
	if parity[0] != 0 || got != want {
		return fmt.Errorf("the figure is %d with parity %d, want %d with 0", got, parity[0], want)
	}
	return nil
}

// checkAccount compares what was charged with the queries that were to be paid for.
func (s *duties) checkAccount(v state.View) error {
	k, err := v.Contract(s.world.contract)
	if err != nil {
		return err
	}
	all, err := everything(v.QueryPage(s.world.buyer.ID(), records.Page{}))
	if err != nil {
		return err
	}
	charged, paid := 0, map[string]bool{}
	for _, q := range all {
		if !slices.ContainsFunc(s.asked, func(a dutyAsked) bool { return a.id == q.ID }) {
			s.Violation("query %s was not asked", q.ID)
		}
		if q.Repeats == "" != (q.Price == fmt.Sprintf("%d.00", dutyPrice)) {
			s.Violation("query %s, which repeats %q, costs %q", q.ID, q.Repeats, q.Price)
		}
		if q.Price != "" && !q.Refunded && !paid[q.ID] {
			charged, paid[q.ID] = charged+1, true
		}
	}
	if len(all) != len(s.asked) {
		s.Violation("the ledger has %d queries, %d were asked", len(all), len(s.asked))
	}
	if want := fmt.Sprintf("%d.00", charged*dutyPrice); decimal.Amount(cmp.Or(k.Spent, "0.00")).Cmp(decimal.Amount(want)) != 0 {
		s.Violation("%s is spent, want %s", k.Spent, want)
	}
	return nil
}

// checkKey looks at the shares of the key: each node has that in force, and no other.
func (s *duties) checkKey(v state.View, r *dutyResult) error {
	k, err := v.Keys().Get(s.world.key)
	if err != nil {
		return err
	}
	c, err := v.Keys().Canary(k.ID)
	if err != nil {
		return err
	}
	r.epochs = int(k.InForce().Epoch) - 1 //nolint:gosec // some
	r.refreshes, r.canaries = k.InForce().Attempt-k.Attempt-r.epochs, c.Number
	if versions, err := v.Versions().Of("firms"); err != nil {
		return err
	} else if len(versions) > 1 {
		r.versions = 1
	}
	if unfit := slices.DeleteFunc(slices.Clone(c.Unfit), func(id string) bool { return s.lacksRightly(id, c, k) }); len(unfit) > 0 {
		s.Violation("a canary says that the shares of %v do not fit: %+v", unfit, c)
	}
	for _, x := range s.up() {
		want := []string{mpc.SharingSession(k.InForce())}
		have := x.store.names("key/")
		if !slices.Equal(have, want) {
			s.Violation("%s has the shares %v, want %v", x.id, have, want)
		}
		if err := x.node.mpc.CheckKey(k); err != nil {
			s.Violation("the share of %s: %v", x.id, err)
		}
	}
	return nil
}

// lacksRightly reports whether a canary found that a node lacks its share, as the machine in a seat does that came after
// the sharing: it gets one with the next, which is in force by now.
func (s *duties) lacksRightly(id string, c resharing.Canary, k catalog.Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.Lacks[slices.Index(c.Nodes, id)] && s.machines[id].since > 0 && c.Sharing != k.InForce()
}
