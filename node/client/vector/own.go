package vector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/audit"
)

// ErrForged is returned when a node tells something else of a private vector of
// the caller's than what the caller signed when it was registered.
var ErrForged = errors.New("a node tells something else of your private vector than you have signed")

// CheckNamed checks the vectors that a compiled request names. Names are looked up in
// a list that a node sent: one that exchanges two names would have the caller asked for
// the figures of another portfolio, weigh with other numbers, or read them wrongly.
func CheckNamed(ctx context.Context, c *client.Client, r catalog.Request, listed []catalog.Vector) error {
	named := []string{r.In}
	for _, a := range r.Select {
		named = append(named, a.Weight)
	}
	for _, v := range listed {
		if !slices.Contains(named, v.ID) {
			continue
		}
		if err := CheckNewest(ctx, c, v); err != nil {
			return err
		}
	}
	return nil
}

// checkOwn holds a vector as a node lists it against the envelope by which the caller
// registered it, whose digest is the vector's id: no node can make another one. A vector
// is looked up once in the life of a client.
func checkOwn(ctx context.Context, c *client.Client, v catalog.Vector) error {
	signed, err := client.Cached(ctx, c, v.ID, func(ctx context.Context) (catalog.VectorRegister, error) { return registered(ctx, c, v) })
	if err != nil {
		return fmt.Errorf("check private vector %s (%s): %w", v.ID, v.Name, err)
	}
	if !reflect.DeepEqual(signed, v.VectorRegister) {
		return fmt.Errorf("%w: %s is version %d of %s, on registry %s; the node says version %d of %s, on %s", ErrForged,
			v.ID, signed.Version, signed.Name, signed.Registry, v.Version, v.Name, v.Registry)
	}
	return nil
}

// CheckNewest is checkOwn for a vector that stands for its name. Where Options.Records
// says so, it is also held against what this machine has registered last under that
// name, which no receipt tells: a node may leave the newest version out of its list.
func CheckNewest(ctx context.Context, c *client.Client, v catalog.Vector) error {
	if err := checkOwn(ctx, c, v); err != nil || c.Options().Records == "" {
		return err
	}
	record, err := LoadRecord(c, c.Options().Records, v.Name)
	if err != nil {
		return err
	}
	if record != nil && record.Number > v.Version {
		return fmt.Errorf("%w: this machine has registered version %d of %s, the node lists none after %d (if you dropped it alone, remove %s)",
			ErrForged, record.Number, v.Name, v.Version, recordPath(c, c.Options().Records, v.Name))
	}
	return nil
}

// registered reads the caller's own registration of a vector out of the evidence log.
func registered(ctx context.Context, c *client.Client, v catalog.Vector) (b catalog.VectorRegister, err error) {
	receipt, proven, err := audit.EntryReceipt(ctx, c, v.Seq)
	if err != nil {
		return b, err
	}
	me, err := c.Principal()
	if err != nil {
		return b, err
	}
	if proven.Signer != me || proven.Kind != catalog.KindVectorRegister || proven.Refusal != nil || catalog.VectorID(proven.Envelope) != v.ID {
		return b, fmt.Errorf("%w: entry %d is not your registration of %s", ErrForged, v.Seq, v.ID)
	}
	payload, err := firstPayload(receipt)
	if err != nil {
		return b, err
	}
	if err := json.Unmarshal(payload.Body, &b); err != nil {
		return b, fmt.Errorf("read your registration of %s: %w", v.ID, err)
	}
	return b, nil
}

// firstPayload is what was signed in the first entry of a receipt that was verified.
func firstPayload(receipt []byte) (catalog.Payload, error) {
	r, err := evidence.ParseReceipt(receipt)
	if err != nil {
		return catalog.Payload{}, fmt.Errorf("%w: %w", audit.ErrReceipt, err)
	}
	e, err := catalog.ParseEntry(r.Entries[0].Shown.Entry)
	if err != nil {
		return catalog.Payload{}, fmt.Errorf("%w: %w", audit.ErrReceipt, err)
	}
	return catalog.ParsePayload(e.Envelope.Payload)
}
