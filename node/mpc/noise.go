package mpc

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/noise"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/vault"
)

// drawer draws this node's noise for noised queries: once per query, for all of
// its released numbers, stored in the vault before anything of the query leaves
// the node, and used in every attempt (PROTOCOL.md section 8.4). A second draw for
// the same numbers would halve the noise of who sees both, so a record that
// does not open, or does not fit the plan, fails the attempt: nothing is ever
// drawn in its place. Records are kept until the ledger has forgotten the query: its id
// is never given again, and nothing of it is opened then. Every member adds noise of the full scale, so one honest one is enough.
type drawer struct {
	secrets Secrets
	mu      sync.Mutex // one draw at a time: an attempt given up may still be running
}

// secretNoise names a query's noise in the vault, by its id: the digest of all that was
// signed. No other query ever finds it.
func secretNoise(query string) string { return noisePrefix + query }

const noisePrefix = "noise/"

// draw returns the noise of a query's numbers, one draw a column; the caller
// wipes it.
func (d *drawer) draw(id string, plan *plan.Plan) (draws []noise.Draw, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	digest := plan.Digest()
	stored, err := d.secrets.Get(secretNoise(id))
	if err == nil {
		defer vault.Wipe(stored)
		if draws, err = decodeDraws(stored, digest, plan); err != nil {
			return nil, failure.RefuseFor(err, "node.noise", id)
		}
		return draws, nil
	}
	if !errors.Is(err, vault.ErrNotFound) {
		return nil, fmt.Errorf("read the noise of query %s: %w", id, err)
	}
	parts := [][]byte{digest[:]}
	defer func() {
		for _, p := range parts[1:] {
			vault.Wipe(p)
		}
		if err != nil {
			wipeDraws(draws)
		}
	}()
	for _, law := range plan.Noise {
		if noNoise(law) {
			draws, parts = append(draws, silent(plan)), append(parts, nil)
			continue
		}
		one, err := noise.Vector(rand.Reader, law, len(plan.Groups))
		if err != nil {
			return draws, fmt.Errorf("draw the noise of query %s: %w", id, err)
		}
		draws = append(draws, one)
		b, err := one.MarshalBinary()
		if err != nil {
			return draws, fmt.Errorf("encode the noise of query %s: %w", id, err)
		}
		parts = append(parts, b)
	}
	record := packParts(parts)
	defer vault.Wipe(record)
	if err := d.secrets.Put(secretNoise(id), record); err != nil {
		return draws, fmt.Errorf("store the noise of query %s: %w", id, err)
	}
	return draws, nil
}

// EraseForgotten erases this node's noise of queries that the ledger has forgotten.
func (qs *Queries) EraseForgotten() error {
	names, err := qs.noise.secrets.List(noisePrefix)
	if err != nil {
		return fmt.Errorf("list the noise that was drawn: %w", err)
	}
	var over []string
	err = qs.Ledger.View(func(v state.View) error {
		for _, name := range names {
			q, err := v.Query(strings.TrimPrefix(name, noisePrefix))
			switch {
			case err == nil && q.Forgotten > 0:
				over = append(over, name)
			case err != nil && !errors.Is(err, records.ErrNotFound): // one that this state does not have may be to come
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look which queries are forgotten: %w", err)
	}
	for _, name := range over {
		if err := qs.noise.secrets.Delete(name); err != nil && !errors.Is(err, vault.ErrNotFound) {
			return fmt.Errorf("erase noise: %w", err)
		}
	}
	return nil
}

// decodeDraws reads a record of the noise of a plan: the plan's digest, and a
// draw a column.
func decodeDraws(b []byte, plan catalog.Digest, p *plan.Plan) (draws []noise.Draw, err error) {
	defer func() {
		if err != nil {
			wipeDraws(draws)
		}
	}()
	parts, err := unpackParts(b, 1+len(p.Noise))
	if err != nil {
		return nil, err
	}
	if string(parts[0]) != string(plan[:]) {
		return nil, fmt.Errorf("it was drawn for another plan")
	}
	for i, law := range p.Noise {
		if noNoise(law) {
			if len(parts[1+i]) > 0 {
				return draws, fmt.Errorf("column %d has noise, and the plan wants none", i)
			}
			draws = append(draws, silent(p))
			continue
		}
		one, err := noise.DecodeDraw(parts[1+i])
		if err != nil {
			return draws, err
		}
		draws = append(draws, one)
		if !one.Law.Equal(law) || len(one.Values) != len(p.Groups) {
			return draws, fmt.Errorf("column %d has %d numbers of %s, the plan wants %d of %s", i, len(one.Values), one.Law, len(p.Groups), law)
		}
	}
	return draws, nil
}

// noNoise reports whether a column carries none: the counts of a query with a private
// vector, which depend on the buyer's own vector and on public presence alone.
func noNoise(law noise.Law) bool { return law.Kind() == 0 }

// silent is a column of no noise.
func silent(p *plan.Plan) noise.Draw { return noise.Draw{Values: make([]int64, len(p.Groups))} }

func wipeDraws(draws []noise.Draw) {
	for _, d := range draws {
		d.Wipe()
	}
}

// addNoise adds a draw a column to this node's folded and added-up shares.
func addNoise(p he.Parameters, values []uint64, draws []noise.Draw) error {
	residues := make([]uint64, 0, len(values))
	defer func() { clear(residues[:cap(residues)]) }()
	for _, d := range draws {
		for _, x := range d.Values {
			residues = append(residues, residue(x, p.T()))
		}
	}
	return p.AddMod(values, residues)
}
