package audit

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// OpenCheckpoint verifies a signed checkpoint against the profile.
func OpenCheckpoint(p client.Profile, signed []byte) (evidence.Signed, error) {
	t := p.Trust()
	return t.Open(signed, t.Threshold)
}

// ReceiptCheckpoint returns the signed checkpoint that a receipt carries.
func ReceiptCheckpoint(p client.Profile, receipt []byte) (evidence.Signed, error) {
	r, err := evidence.ParseReceipt(receipt)
	if err != nil {
		return evidence.Signed{}, notProven("%w", err)
	}
	return OpenCheckpoint(p, r.Checkpoint)
}

// Checkpoint reads the head of the evidence log, signed by a threshold of the
// pinned nodes, and returns it verified and as it was signed.
func Checkpoint(ctx context.Context, c *client.Client) (evidence.Signed, []byte, error) {
	b, err := c.Do(ctx, client.Call{Path: "/v1/evidence/checkpoint", Limit: evidence.MaxNoteBytes})
	if err != nil {
		return evidence.Signed{}, nil, fmt.Errorf("read a checkpoint: %w", err)
	}
	signed, err := OpenCheckpoint(c.Profile(), b)
	if errors.Is(err, evidence.ErrThreshold) { // machines that came later may have signed
		if _, rosterErr := c.Cluster(ctx); rosterErr != nil {
			return signed, b, errors.Join(err, rosterErr)
		}
		signed, err = OpenCheckpoint(c.Profile(), b)
	}
	return signed, b, err
}

// CheckConsistency has the cluster prove that the older checkpoint is the
// beginning of the newer one, and verifies it. A proof that does not hold wraps
// evidence.ErrProof: the log was rewritten between the two.
func CheckConsistency(ctx context.Context, c *client.Client, older, newer evidence.Checkpoint) error {
	b, err := client.Get[wire.Consistency](ctx, c, consistencyCall(older.Size, newer.Size))
	if err != nil {
		return fmt.Errorf("read the proof that %d entries begin a log of %d: %w", older.Size, newer.Size, err)
	}
	return checkConsistency(b, older, newer)
}

func consistencyCall(older, newer uint64) client.Call {
	return client.Call{Path: fmt.Sprintf("/v1/evidence/consistency?old=%d&new=%d", older, newer)}
}

func checkConsistency(b wire.Consistency, older, newer evidence.Checkpoint) error {
	proof := make(evidence.Consistency, len(b.Hashes))
	for i, h := range b.Hashes {
		proof[i] = evidence.Hash(h)
	}
	return evidence.CheckConsistency(proof, older.Size, older.Root, newer.Size, newer.Root)
}

// QueryReceipt reads the receipt of one of the caller's queries and verifies it.
func QueryReceipt(ctx context.Context, c *client.Client, id string) ([]byte, *Proven, error) {
	id, err := c.ID(ctx, catalog.LetterQuery, id)
	if err != nil {
		return nil, nil, err
	}
	b, err := ReadQueryReceipt(ctx, c, id)
	if err != nil {
		return nil, nil, err
	}
	p, err := VerifyQueryReceipt(c.Profile(), b, id)
	return b, p, err
}

// ReadQueryReceipt reads the receipt of a query by its whole id, and verifies nothing of it.
func ReadQueryReceipt(ctx context.Context, c *client.Client, id string) ([]byte, error) {
	return readReceipt(ctx, c, "/v1/queries/"+url.PathEscape(id)+"/receipt", true)
}

// VerifyQueryReceipt is VerifyReceipt of the receipt of a query.
func VerifyQueryReceipt(profile client.Profile, b []byte, id string) (*Proven, error) {
	p, err := VerifyReceipt(profile, b)
	if err == nil && (p.Query == nil || catalog.QueryID(p.Envelope) != id) {
		err = notProven("it is not that of query %s", id)
	}
	return p, err
}

// VersionReceipt reads the receipt of a version of a dataset and verifies it.
func VersionReceipt(ctx context.Context, c *client.Client, dataset string, version int) ([]byte, *Proven, error) {
	b, p, err := receipt(ctx, c, client.VersionPath(dataset, version)+"/receipt", false)
	if err == nil && (p.Version == nil || p.Version.Dataset != dataset || p.Version.Version != version) {
		err = notProven("it is not that of version %d of %s", version, dataset)
	}
	return b, p, err
}

// EntryReceipt reads the receipt of an entry that the caller signed, or of a
// public one, and verifies it.
func EntryReceipt(ctx context.Context, c *client.Client, seq uint64) ([]byte, *Proven, error) {
	b, p, err := receipt(ctx, c, fmt.Sprintf("/v1/evidence/entries/%d", seq), true)
	if err == nil && p.Entry != seq {
		err = notProven("it is not that of entry %d", seq)
	}
	return b, p, err
}

func receipt(ctx context.Context, c *client.Client, path string, token bool) ([]byte, *Proven, error) {
	b, err := readReceipt(ctx, c, path, token)
	if err != nil {
		return nil, nil, err
	}
	p, err := VerifyReceipt(c.Profile(), b)
	return b, p, err
}

func readReceipt(ctx context.Context, c *client.Client, path string, token bool) ([]byte, error) {
	b, err := c.Do(ctx, client.Call{Path: path, Token: token, Limit: evidence.MaxReceiptBytes})
	if err != nil {
		return nil, fmt.Errorf("read the receipt: %w", err)
	}
	return b, nil
}
