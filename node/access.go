package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/peer"
	"github.com/weirdata/weir/node/ratelimit"
	"github.com/weirdata/weir/node/readround"
)

// leastQuorumWait is the least default of Options.QuorumWait: some elections, and, with the time in which a client
// finds a node that answers among some that hang (2.5 s), less than the ten seconds within which it has to be told.
const leastQuorumWait = 6 * time.Second

// retryPause is the pause between two tries to reach a leader.
const retryPause = 100 * time.Millisecond

// access has the ways into the ledger from any node, and the linearizable way out.
type access struct {
	*core
	monitor *monitor
	limiter *ratelimit.Limiter
	reads   readround.Rounds
	cores   api.Cores // for judging what clients ask
	// attemptWith is the leader's method.
	attemptWith func(ctx context.Context, e catalog.Envelope, p *judge.Preview) (attempt *catalog.Envelope, end func(), err error)
}

// Submit has an envelope applied, whichever node leads, and returns what the state machine recorded. Trying again
// after a lost connection is safe: the state machine applies an envelope once and answers a repeat with the first
// outcome. It returns api.ErrNoQuorum when no leader could commit for some seconds, and a *catalog.Refusal for an
// envelope that its signer did not sign and for a query whose plan does not fit: those were not proposed, and there
// is no entry. Nor is there one when a principal has had too much recorded, or too many queries are pending, which is
// an *api.BusyError. With again, there is no entry either of a query that repeats one of the last day: the receipt is that
// of the earlier one.
func (acc *access) Submit(ctx context.Context, e catalog.Envelope, again bool) (api.Receipt, error) {
	var receipt api.Receipt
	if err := acc.refuseForged(ctx, e); err != nil {
		return receipt, err
	}
	p, _ := catalog.ParsePayload(e.Payload) //nolint:errcheck // of no kind then, and the ledger says what is wrong with it
	if err := acc.admitQuery(e, p); err != nil {
		return receipt, ofThisNode(err)
	}
	if no := cmp.Or(acc.refuseLevel(p), acc.refuseVoteless(p)); no != nil {
		if taken, err := acc.hasTaken(ctx, e); err != nil || !taken {
			return receipt, cmp.Or(err, no)
		}
	}
	judged, err := acc.refuseUnfit(ctx, e, p, again)
	if err != nil {
		return receipt, err
	}
	if first := judged.repeats; first != nil {
		receipt, err = acc.receipt(first.Seq)
		receipt.Repeats = first.ID
		return receipt, err
	}
	if err := acc.limiter.Take(e, acc.opts.Clock()); err != nil {
		return receipt, err
	}
	err = acc.atLeader(ctx, func(ctx context.Context, leader string) (err error) {
		if leader != acc.id {
			return acc.call(ctx, leader, pathPropose, e, &receipt)
		}
		receipt, err = acc.propose(ctx, e, judged.preview)
		return err
	})
	if err != nil {
		return receipt, fmt.Errorf("submit the envelope: %w", ofThisNode(err))
	}
	if r := receipt.Outcome.Refusal; r != nil {
		acc.limiter.Refused(e, acc.opts.Clock())
		if f := judged.refusal; f != nil && r.Rule == f.Rule && r.String() == f.String() {
			receipt.Fix = f.Fix
		}
	}
	return receipt, nil
}

// ofThisNode tells a caller to ask another node when this one's ledger has stopped.
func ofThisNode(err error) error {
	if errors.Is(err, consensus.ErrFault) || errors.Is(err, consensus.ErrClosed) {
		return fmt.Errorf("%w: %w", api.ErrUnavailable, err)
	}
	return err
}

// refuseForged keeps what nobody is known to have signed out of the ledger: an entry is kept for ever, on every node,
// and anybody at all can send such an envelope. Only a refusal costs a linearizable read, which makes sure that it is
// not this node that has yet to hear of the signer.
func (acc *access) refuseForged(ctx context.Context, e catalog.Envelope) error {
	var refusal *catalog.Refusal
	look := func(v state.View) (err error) {
		refusal, err = v.Authenticate(e)
		return err
	}
	err := acc.view(look)
	if err == nil && refusal != nil {
		err = acc.Read(ctx, look)
	}
	if err != nil {
		return fmt.Errorf("verify the envelope: %w", ofThisNode(err))
	}
	if refusal != nil {
		return refusal
	}
	return nil
}

// hasTaken reports whether the ledger has an envelope already, and answers a repeat. Who sends it again has not heard
// so: told of what keeps this node from taking it anew, they would go by that, as by starting a machine again that
// was replaced.
func (acc *access) hasTaken(ctx context.Context, e catalog.Envelope) (taken bool, err error) {
	err = acc.Read(ctx, func(state.View) error {
		return acc.ledger.View(func(r records.Reader) (err error) {
			taken, err = records.Has(r, records.PrefixSeen+e.Digest().String())
			return err
		})
	})
	if err != nil {
		return false, fmt.Errorf("look whether the envelope was taken already: %w", ofThisNode(err))
	}
	return taken, nil
}

// errNotFounded is returned by a leader that has not proposed the founding yet.
var errNotFounded = errors.New("the cluster is not founded yet")

// propose makes the envelope an entry with this leader's time. Nothing comes before the founding, which the leader
// itself proposes: it would be refused, and whoever sent it would have to know to send it anew. preview is what a query
// was judged to be, where it was judged here.
func (acc *access) propose(ctx context.Context, e catalog.Envelope, preview *judge.Preview) (api.Receipt, error) {
	if err := acc.monitor.clockFault(); err != nil {
		return api.Receipt{}, err
	}
	if voters := acc.voters(); acc.health.heard(voters) < len(voters)/2 {
		return api.Receipt{}, errUncompared
	}
	if err := acc.monitor.stateFault(); err != nil {
		return api.Receipt{}, err
	}
	if e.Digest() != acc.cluster {
		err := acc.view(func(v state.View) error { _, err := v.Cluster(); return err })
		if errors.Is(err, records.ErrNotFound) {
			return api.Receipt{}, errNotFounded
		}
		if err != nil {
			return api.Receipt{}, err
		}
	}
	if err := acc.orderFirst(e); err != nil {
		return api.Receipt{}, err
	}
	now, err := acc.monitor.stamp()
	if err != nil {
		return api.Receipt{}, err
	}
	var next [][]byte
	attempt, end, err := acc.attemptWith(ctx, e, preview)
	if err != nil {
		acc.log.WarnContext(ctx, "no attempt is proposed with its query", "error", err) // one is when the query is there
	} else if attempt != nil {
		defer end()
		next = append(next, catalog.NewEntry(now.UnixMilli(), *attempt).Marshal())
	}
	a, err := acc.ledger.Propose(ctx, catalog.NewEntry(now.UnixMilli(), e).Marshal(), next...)
	if err != nil {
		return api.Receipt{}, err
	}
	r := api.Receipt{Seq: a.Seq, Leaf: a.Leaf, Index: a.Seq}
	if err := json.Unmarshal(a.Outcome, &r.Outcome); err != nil {
		return r, fmt.Errorf("read the outcome of entry %d: %w", a.Seq, err)
	}
	return r, nil
}

// atLeader runs do with the current leader's id until it succeeds, fails for a reason that another leader would not
// mend, or Options.QuorumWait is over.
func (acc *access) atLeader(caller context.Context, do func(ctx context.Context, leader string) error) error {
	ctx, cancel := context.WithTimeout(caller, acc.opts.QuorumWait)
	defer cancel()
	last := errors.New("no node leads")
	for {
		if leader, known := acc.ledger.Leader(); known {
			err := acc.whileItLeads(ctx, leader, do)
			if err == nil || !leaderMayChange(err) && (ctx.Err() == nil || errors.Is(caller.Err(), context.Canceled)) {
				return err
			}
			last = err
		}
		select {
		case <-ctx.Done():
			if errors.Is(caller.Err(), context.Canceled) {
				return caller.Err()
			}
			if cannotPropose(last) {
				return fmt.Errorf("%w: the node that leads: %w", api.ErrUnavailable, last)
			}
			voters := acc.voters()
			up := acc.health.count(voters)
			if errors.Is(last, context.DeadlineExceeded) && up > len(voters)/2 {
				return fmt.Errorf("%w: the node that leads has not answered within %s: %w", api.ErrTimeout, acc.opts.QuorumWait, last) // it is slow
			}
			return fmt.Errorf("%w: %d of %d nodes are reachable from %s, %d are needed: %w", api.ErrNoQuorum,
				up, len(voters), acc.id, len(voters)/2+1, last)
		case <-acc.ledger.Failed():
			return acc.ledger.Fault()
		case <-time.After(retryPause):
		}
	}
}

// errLeaderGone ends a call of a leader that is none any more.
var errLeaderGone = errors.New("it leads no more")

// whileItLeads runs do until this node no longer takes leader for the leader. One that hangs closes no connection,
// and would be waited for while another leads already. That leader may have done what it was asked, which is no harm:
// see Submit.
func (acc *access) whileItLeads(ctx context.Context, leader string, do func(ctx context.Context, leader string) error) error {
	if leader == acc.id {
		return do(ctx, leader) // the ledger notices by itself
	}
	ctx, cancel := context.WithCancelCause(ctx)
	changes, stop := acc.ledger.Changes()
	defer stop()
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-ctx.Done():
				return
			case <-changes:
			}
			if now, known := acc.ledger.Leader(); !known || now != leader {
				cancel(fmt.Errorf("%w: %s", errLeaderGone, leader))
			}
		}
	}()
	err := do(ctx, leader)
	cancel(nil)
	<-over
	return err
}

// cannotPropose reports whether err is why a node that leads proposes nothing: it will hand the lead on, or can soon.
func cannotPropose(err error) bool {
	remote, told := errors.AsType[*peer.RemoteError](err)
	return told && remote.Kind == kindCannot || isAny(err, errNotFounded, errNotRestored, errClock, errDoubt, errUncompared, consensus.ErrDiskFull, consensus.ErrBusy)
}

// leaderMayChange reports whether the failure is one that passes when a leader is found or reached.
func leaderMayChange(err error) bool {
	if _, other := errors.AsType[*consensus.NotLeaderError](err); other || cannotPropose(err) ||
		isAny(err, consensus.ErrLostLeadership, consensus.ErrNoQuorum, errLeaderGone, peer.ErrUnreachable) {
		return true
	}
	remote, told := errors.AsType[*peer.RemoteError](err)
	return told && (remote.Status == http.StatusServiceUnavailable || remote.Status == http.StatusMisdirectedRequest)
}

// isAny reports whether err is one of those.
func isAny(err error, those ...error) bool {
	return slices.ContainsFunc(those, func(one error) bool { return errors.Is(err, one) })
}

// ruleKeyWorn is a conflict that does not pass (PROTOCOL.md section 7.2).
const ruleKeyWorn = "key_worn"

// act signs an act of this node and submits it. A refusal that only says that the act came too late or twice is not
// an error: the state has moved on.
func (acc *access) act(ctx context.Context, kind catalog.Kind, body any) error {
	if err := acc.monitor.clockFault(); err != nil {
		return fmt.Errorf("%s: %w", kind, err) // it would be refused, and tried again, for ever
	}
	e, err := acc.sign(kind, body)
	if err != nil {
		return err
	}
	r, err := acc.Submit(ctx, e, false)
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	if ref := r.Outcome.Refusal; ref != nil {
		if ref.Kind == catalog.RefusedConflict && ref.Rule != ruleKeyWorn {
			acc.log.DebugContext(ctx, "the ledger had moved on", "kind", kind, "rule", ref.Rule, "reason", ref)
			return nil
		}
		return fmt.Errorf("%s: %w", kind, ref)
	}
	return nil
}

// sign is the envelope of an act of this node.
func (acc *access) sign(kind catalog.Kind, body any) (e catalog.Envelope, err error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return e, fmt.Errorf("encode %s: %w", kind, err)
	}
	p := newPayload(acc.cluster.String(), kind, acc.opts.Clock().UnixMilli(), raw)
	if e, err = catalog.Sign(acc.signing, catalog.NodeSigner(acc.id), p); err != nil {
		return e, fmt.Errorf("sign %s: %w", kind, err)
	}
	return e, nil
}

// newPayload makes a payload that is valid from now for the longest time.
func newPayload(cluster string, kind catalog.Kind, now int64, body []byte) catalog.Payload {
	return catalog.Payload{
		Version: 1, Cluster: cluster, Kind: kind, Nonce: newNonce(),
		Issued: now, Expires: now + catalog.MaxEnvelopeAge, Body: body,
	}
}

// newNonce draws 16 bytes, in hexadecimal.
func newNonce() string {
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails
	return hex.EncodeToString(nonce[:])
}
