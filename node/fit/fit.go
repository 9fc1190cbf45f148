package fit

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/query"
)

// Rules of refusals that come from a plan.
const (
	RuleOverflow = "overflow"       // a sum might exceed the plaintext modulus
	RuleNoise    = "noise"          // an accumulator would not decrypt
	RuleCohorts  = "cohort_test"    // a cohort test would be too large
	RulePlan     = "plan_too_large" // too many slot maps or groups
)

// MaxFactors is how many numbers are multiplied at a time: a request of some 5 MB
// between two members.
const MaxFactors = 8 << 14

// Check says whether every accumulator of a plan by the descriptor opens exactly, and
// how much of the parameters' room it takes; nothing where nothing is opened. Errors
// are those that Refusal knows.
func Check(p he.Parameters, d catalog.Descriptor, plan *query.Plan) (he.Budget, error) {
	if plan.Openings() == 0 {
		return he.Budget{}, nil
	}
	magnitude, tail, err := plan.Room(d, p.Threshold())
	if err != nil {
		return he.Budget{}, err
	}
	b, err := p.CheckLoad(he.Load{Tiles: plan.MaxTiles(), Magnitude: magnitude})
	var overflow *he.OverflowError
	if plan.Noise != nil && errors.As(err, &overflow) {
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

// CohortsOf are the cohorts of sets, without their shares.
func CohortsOf(sets []catalog.CohortSet) []he.Cohort {
	list := make([]he.Cohort, len(sets))
	for i, s := range sets {
		list[i] = he.Cohort{Members: len(s.Members), NoRest: s.NoRest}
	}
	return list
}

// Cohorts is the refusal of a cohort test that is too large; nil: it is not.
func Cohorts(least int, sets []catalog.CohortSet) *catalog.Refusal {
	factors := he.CohortFactors(least, CohortsOf(sets))
	r := &catalog.Refusal{Kind: catalog.RefusedPolicy, Rule: RuleCohorts}
	number := func(name string, value int) {
		r.Numbers = append(r.Numbers, catalog.Number{Name: name, Value: strconv.Itoa(value)})
	}
	switch {
	case least > he.MaxCohortMinimum:
		r.Message = fmt.Sprintf("groups have at least %d entities here; portfolios can be tested for at most %d", least, he.MaxCohortMinimum)
		r.Fix = "ask with --epsilon where the policy has dp, or without the portfolio"
		number("min_cohort", least)
		number("limit", he.MaxCohortMinimum)
	case factors > MaxFactors:
		r.Message = fmt.Sprintf("testing the portfolio in every class and period takes %d numbers, at most %d are possible", factors, MaxFactors)
		r.Fix = fmt.Sprintf("ask for fewer measures, or for at most 1/%d of the periods at a time", (factors+MaxFactors-1)/MaxFactors)
		number("factors", factors)
		number("limit", MaxFactors)
	default:
		return nil
	}
	return r
}

// Refusal tells the buyer why a plan does not fit; nil when err is about something
// else.
func Refusal(err error) *catalog.Refusal {
	r := &catalog.Refusal{Kind: catalog.RefusedPolicy, Rule: RulePlan, Message: err.Error(), Fix: "ask for fewer groups or a shorter time"}
	number := func(name, value string) { r.Numbers = append(r.Numbers, catalog.Number{Name: name, Value: value}) }
	var overflow *he.OverflowError
	var noised *noisedOverflowError
	var noise *he.NoiseError
	switch {
	case errors.As(err, &overflow):
		r.Rule = RuleOverflow
		number("magnitude", text(overflow.Magnitude))
		number("limit", text(overflow.Limit))
		tail := new(big.Int)
		if errors.As(err, &noised) {
			tail = noised.tail
			number("noise_tail", text(tail))
		}
		r.Fix = smallerSums(overflow, tail)
	case errors.As(err, &noise):
		r.Rule = RuleNoise
		r.Fix = fmt.Sprintf("ask for at most %d tiles of a measure at a time: fewer periods or entities", he.MaxTiles)
		number("tiles", strconv.Itoa(noise.Tiles))
		number("bits", strconv.FormatFloat(noise.Used, 'f', 1, 64))
		number("limit", strconv.FormatFloat(noise.Available, 'f', 1, 64))
		number("max_tiles", strconv.Itoa(he.MaxTiles))
	case errors.Is(err, query.ErrPlanTooLarge):
		r.Fix = "group by a coarser period, or select fewer groups or periods"
		number("slot_maps", strconv.Itoa(query.MaxSlotMaps))
		number("groups", strconv.Itoa(catalog.MaxGroups))
	default:
		return nil
	}
	return r
}

// smallerSums says by how much the sums would have to be smaller, or the epsilon larger:
// of the magnitude the tail of the noise stays for the same time and epsilon.
func smallerSums(o *he.OverflowError, tail *big.Int) string {
	sum := new(big.Int).Sub(new(big.Int).Abs(o.Magnitude), tail)
	fewer, times := parts(sum, new(big.Int).Sub(o.Limit, tail)), parts(tail, new(big.Int).Sub(o.Limit, sum))
	var out []string
	if fewer != nil {
		out = append(out, fmt.Sprintf("ask for groups of at most 1/%s of the cells: fewer entities or a shorter time", fewer))
	} else {
		out = append(out, "ask for a shorter time, which needs less noise")
	}
	if tail.Sign() > 0 && times != nil {
		out = append(out, fmt.Sprintf("ask with an epsilon %s times as large", times))
	}
	return strings.Join(out, "; or ")
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

func text(x *big.Int) string {
	if x == nil {
		return "0"
	}
	return x.String()
}
