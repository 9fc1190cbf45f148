package plan

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
)

// Rules of refusals that come from a plan.
const (
	RuleOverflow = "overflow"               // a sum might exceed the plaintext modulus
	RuleNoise    = "noise"                  // an accumulator would not decrypt
	RuleTest     = catalog.RuleTestProducts // the test of a portfolio would be too large
	RulePlan     = "plan_too_large"         // too many slot maps or groups
)

// MaxFactors is how many numbers are multiplied at a time: a request of some 5 MB
// between two members.
const MaxFactors = 8 << 14

// Check says whether every accumulator of the plan, by the descriptor, opens exactly, and
// how much of the parameters' room it takes; nothing where nothing is opened. Errors
// are those that Refusal knows.
func (p *Plan) Check(params he.Parameters, d catalog.Descriptor) (he.Budget, error) {
	if p.Openings() == 0 {
		return he.Budget{}, nil
	}
	magnitude, tail, err := p.Room(d, params.Threshold())
	if err != nil {
		return he.Budget{}, err
	}
	b, err := params.CheckLoad(he.Load{Tiles: p.MaxTiles(), Magnitude: magnitude})
	if overflow, ok := errors.AsType[*he.OverflowError](err); ok && p.Noise != nil {
		return b, &noisedOverflowError{tail: tail, err: overflow}
	}
	return b, err
}

// noisedOverflowError is a noised query whose numbers could leave the plaintext
// space by sum and noise together.
type noisedOverflowError struct {
	tail *big.Int
	err  *he.OverflowError
}

func (e *noisedOverflowError) Error() string {
	return fmt.Sprintf("%v; %v of it is room for the noise of all nodes", e.err, e.tail)
}

func (e *noisedOverflowError) Unwrap() error { return e.err }

// Refusal tells the buyer why a plan does not fit; nil when err is about something
// else.
func Refusal(err error) *catalog.Refusal {
	var overflow *he.OverflowError
	var noise *he.NoiseError
	switch {
	case errors.As(err, &overflow):
		return overflowRefusal(err, overflow)
	case errors.As(err, &noise):
		bits, limit := strconv.FormatFloat(noise.Used, 'f', 1, 64), strconv.FormatFloat(noise.Available, 'f', 1, 64)
		r := catalog.Refuse(catalog.RefusedPolicy, RuleNoise, "plan.noise", noise.Tiles, bits, limit, he.MaxTiles).WithNumber("tiles", int64(noise.Tiles))
		r.Numbers = append(r.Numbers, catalog.Number{Name: "bits", Value: bits}, catalog.Number{Name: "limit", Value: limit})
		return r.WithNumber("max_tiles", he.MaxTiles)
	case errors.Is(err, ErrTooLarge):
		return catalog.Refuse(catalog.RefusedPolicy, RulePlan, "plan.too_large", MaxSlotMaps, catalog.MaxGroups, MaxSingles).
			WithNumber("slot_maps", MaxSlotMaps).WithNumber("groups", catalog.MaxGroups)
	}
	return nil
}

func overflowRefusal(err error, o *he.OverflowError) *catalog.Refusal {
	tail := new(big.Int)
	r := catalog.Refuse(catalog.RefusedPolicy, RuleOverflow, "plan.overflow", o.Magnitude.String(), o.Limit.String())
	noised, ok := errors.AsType[*noisedOverflowError](err)
	if ok {
		tail = noised.tail
		r = catalog.Refuse(catalog.RefusedPolicy, RuleOverflow, "plan.overflow_noise", o.Magnitude.String(), o.Limit.String(), tail.String())
	}
	r.Numbers = append(r.Numbers, catalog.Number{Name: "magnitude", Value: o.Magnitude.String()}, catalog.Number{Name: "limit", Value: o.Limit.String()})
	if ok {
		r.Numbers = append(r.Numbers, catalog.Number{Name: "noise_tail", Value: tail.String()})
	}
	return r.WithFixes(smallerSums(o, tail)...)
}

// smallerSums says by how much the sums would have to be smaller, or the epsilon larger:
// of the magnitude the tail of the noise stays for the same time and epsilon.
func smallerSums(o *he.OverflowError, tail *big.Int) []catalog.Reason {
	sum := new(big.Int).Sub(new(big.Int).Abs(o.Magnitude), tail)
	fewer, times := parts(sum, new(big.Int).Sub(o.Limit, tail)), parts(tail, new(big.Int).Sub(o.Limit, sum))
	out := []catalog.Reason{catalog.Why("fix.shorter_time")}
	if fewer != nil {
		out = []catalog.Reason{catalog.Why("fix.fewer_cells", fewer)}
	}
	if tail.Sign() > 0 && times != nil {
		out = append(out, catalog.Why("fix.or_larger_epsilon", times))
	}
	return out
}

// parts is in how many parts whole has to be cut to go into room; nil: it never does.
func parts(whole, room *big.Int) *big.Int {
	if room.Sign() <= 0 {
		return nil
	}
	n, rest := new(big.Int).QuoRem(whole, room, new(big.Int))
	if rest.Sign() > 0 {
		n.Add(n, big.NewInt(1))
	}
	return n
}
