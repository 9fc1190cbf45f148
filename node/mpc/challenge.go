package mpc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/failure"
)

// testListed has the members find out whether an exact query with a private partition may
// be answered, where it needs a test (RELEASE.md section 6.2, PROTOCOL.md section 6.5). Until it has
// passed nothing is multiplied with the partition.
func (qs *Queries) testListed(ctx context.Context, q catalog.Query, t *talk, vectors *privateVectors) error {
	var test *disclosure.Test
	var pieces int
	err := qs.Ledger.View(func(v state.View) (err error) {
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
	if len(q.Submit.Witnesses) != len(qs.roster) {
		return failure.Refuse("node.witnesses", q.ID, len(q.Submit.Witnesses), len(qs.roster))
	}
	share, err := qs.WitnessShare(ctx, q.Submit.Witnesses[qs.point-1], q.Principal, q.Submit.Request, structure)
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
	return qs.TestPieces(t.session("test"), input, func(c Computation) error { return t.run(ctx, c, pieceMessages) })
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
