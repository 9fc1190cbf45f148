package mpc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/vault"
)

var (
	// ErrTestFailed ends a query whose test of pieces failed: somewhere a figure of a piece
	// would tell too much. Nothing else of the query was opened.
	ErrTestFailed = errors.New("the test of pieces failed")
	// ErrWitnesses ends a query whose witnesses are not what they should be.
	ErrWitnesses = errors.New("the witnesses of the query are wrong")
)

// testListed has the members find out whether an exact query with a private partition may
// be answered, where it needs a test (RELEASE.md section 6.2, PROTOCOL.md section 6.5). Until it has
// passed nothing is multiplied with the partition.
func (qs *Queries) testListed(ctx context.Context, q catalog.Query, t *talk, vectors *privateVectors) error {
	var test *disclosure.Test
	var pieces int
	var sealedTo catalog.Cluster
	err := qs.Ledger.View(func(v state.View) (err error) {
		if sealedTo, err = v.ClusterAt(q.Seq); err != nil {
			return err
		}
		test, pieces, err = v.PortfolioTest(q.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("find the test of query %s: %w", q.ID, err)
	}
	if test == nil {
		return nil
	}
	structure := plan.TestStructure(test, pieces)
	sealedTo = roster.Of(sealedTo, t.roster)
	if len(q.Submit.Witnesses) != len(sealedTo.Nodes) {
		return failure.Refuse("node.witnesses", q.ID, len(q.Submit.Witnesses), len(sealedTo.Nodes))
	}
	own := t.opening.point(qs.id)
	share, err := qs.WitnessShare(ctx, sealedTo, own, q.Submit.Witnesses[own-1], q.Principal, q.Submit.Request, structure)
	if err != nil {
		return err
	}
	defer share.Erase()
	witnesses, err := share.Additive(t.opening.points())
	if err != nil {
		return err
	}
	defer clear(witnesses)
	challenge, err := qs.drawChallenge(ctx, t.opening)
	if err != nil {
		return err
	}
	input := he.PieceInput{Structure: structure, Bits: vectors.bits, Witnesses: witnesses, Challenge: challenge}
	return qs.TestPieces(t.session("test"), own, input, func(c Computation) error { return t.run(ctx, c, pieceMessages) })
}

// drawChallenge has the members of an attempt draw the challenge of its checks together:
// each tells the others a random nonce. Attempts are named when the query is in the
// ledger, so whoever made its witnesses could not know it, if one member drew at random.
// Members that were told different nonces do not compute with each other: the test is
// bound to the challenge.
func (qs *Queries) drawChallenge(ctx context.Context, o opening) (challenge [32]byte, err error) {
	own := make([]byte, nonceBytes)
	rand.Read(own) // never fails
	if err := qs.sendOthers(ctx, o, KindNonce, 0, own); err != nil {
		return challenge, err
	}
	h := sha256.New()
	fmt.Fprintf(h, "weir v1 challenge\n%s\n%s\n", o.session, o.subject) //nolint:errcheck // hash.Hash: Write never returns an error
	for _, m := range o.active {
		nonce := own
		if m.ID != qs.id {
			if nonce, err = qs.receive(ctx, o, KindNonce, 0, m.ID); err != nil {
				return challenge, err
			}
		}
		if len(nonce) != nonceBytes {
			return challenge, fmt.Errorf("%w: the nonce of %s has %d bytes", failure.ErrDeviates, m.ID, len(nonce))
		}
		fmt.Fprintf(h, "%d %x\n", m.Point, nonce) //nolint:errcheck // as above
	}
	return [32]byte(h.Sum(nil)), nil
}

// TestPieces has the members find out whether every figure of a private query passes
// for every piece of its partition (RELEASE.md section 6.2). It opens whether the witnesses
// are right, and then one bit. bits and witnesses are this node's additive shares in the
// attempt's set, point its own there, run drives a computation with its other members, who send each other
// pieceMessages at most (talk.run). Whatever the members do not see alike, they do not
// compute on: what they send is bound to the structure and the challenge.
func (qs *Queries) TestPieces(session he.Session, point int, input he.PieceInput, run func(Computation) error) error {
	if products := input.Structure.Products(); products > he.MaxPieceProducts {
		return failure.Refuse("node.products", products, he.MaxPieceProducts)
	}
	params, err := qs.products()
	if err != nil {
		return err
	}
	test, err := he.NewPieceTest(params, session, point, input)
	if err != nil {
		return err
	}
	if err := run(test); err != nil {
		return err
	}
	passed, err := test.Passed()
	switch {
	case errors.Is(err, he.ErrWitness):
		return fmt.Errorf("%w: %w", ErrWitnesses, err)
	case err != nil:
		return err
	case !passed:
		return ErrTestFailed
	}
	return nil
}

// fetchWitnesses makes sure that this node holds its share of the witnesses of a query.
// It comes before anything is opened: a share that cannot be had yet is waited for, where
// a computation on shares that lacks it could only end the attempt.
func (qs *Queries) fetchWitnesses(ctx context.Context, q catalog.Query, point int) error {
	if len(q.Submit.Witnesses) < point {
		return nil // none are needed, or testListed refuses them
	}
	if _, err := qs.Blobs.Load(ctx, q.Submit.Witnesses[point-1]); err != nil {
		return fmt.Errorf("fetch this node's share of the witnesses of query %s: %w", q.ID, err)
	}
	return nil
}

// WitnessShare opens this node's share of the witnesses of a query, the sealed bytes of
// which have that digest; cluster is that of the query's roster as its owner saw it, and point this
// node's in it. The reasons of its refuseErrors say nothing of the share.
func (qs *Queries) WitnessShare(ctx context.Context, cluster catalog.Cluster, point int, digest catalog.Digest, buyer string, request catalog.Request, s *he.PieceStructure) (*he.WitnessShare, error) {
	sealed, err := qs.Blobs.Load(ctx, digest)
	if err != nil {
		return nil, err
	}
	private, err := qs.Secrets.Get(qs.Sealing)
	if err != nil {
		return nil, fmt.Errorf("read the node's sealing key: %w", err)
	}
	defer vault.Wipe(private)
	structure := s.Digest()
	share, err := seal.Open(private, []byte(seal.WitnessInfo), attest.WitnessAAD(cluster, buyer, request, structure, point), sealed)
	if err != nil {
		return nil, failure.Refuse("node.witnesses_sealed")
	}
	defer vault.Wipe(share)
	spec := he.WitnessSpec{Nodes: len(cluster.Nodes), Threshold: cluster.Threshold, Count: s.Witnesses(), Structure: structure}
	parsed, err := he.ParseWitnessShare(qs.Products, spec, point, share)
	if err != nil {
		return nil, failure.Refuse("node.witnesses_share", point)
	}
	return parsed, nil
}
