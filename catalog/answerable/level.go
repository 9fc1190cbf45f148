package answerable

import (
	"cmp"
	"fmt"
	"math/big"
	"math/bits"
	"slices"

	"github.com/weirdata/weir/catalog/disclosure"
)

// Level is how much of the groups of a list of attributes can be answered.
type Level struct {
	By       []string       `json:"by"` // attributes; none: everybody together
	Groups   int            `json:"groups"`
	Measures []LevelMeasure `json:"measures"`
}

// LevelMeasure is how much of a measure can be answered by a level. A figure is a group
// in a period in which anybody of it counts.
type LevelMeasure struct {
	Measure  string `json:"measure"`
	Complete int    `json:"complete"` // groups that are whole in every period
	Figures  int    `json:"figures"`
	Whole    int    `json:"whole"`     // figures that cover everybody who counts
	Withheld int    `json:"withheld"`  // figures that cover less than min_coverage
	Included int    `json:"included"`  // counting entities of all figures that they cover
	Of       int    `json:"of"`        // counting entities of all figures
	HeldBack int    `json:"held_back"` // figures that lack corrections
	// Value is how many thousandths of all readings are in figures, absolute values
	// summed and rounded down; only the publisher knows it.
	Value *int    `json:"value_permille,omitempty"`
	Worst *Worst  `json:"worst,omitempty"` // the period that covers least, where any is not whole
	Short []Short `json:"short"`           // at most MaxShort groups that are not complete, those that cover least first
}

// Worst is a period in which least of a measure is covered.
type Worst struct {
	Period   string `json:"period"`
	Included int    `json:"included"`
	Of       int    `json:"of"`
}

// Short is a group that is not whole in every period.
type Short struct {
	Values   []string `json:"values"`
	Included int      `json:"included"` // counting entities of all periods that the figures cover
	Of       int      `json:"of"`
}

// MaxShort is how many groups that are not complete a level names.
const MaxShort = 10

// Held is a row that lacks corrections.
type Held struct {
	By       []string `json:"by"`
	Values   []string `json:"values,omitempty"`
	Measure  string   `json:"measure"`
	Period   string   `json:"period"`
	Entities int      `json:"entities"` // with a correction that the row does not have
}

// level answers every group of a level in every period, measure by measure.
func (r *reporting) level(l level) error {
	out := Level{By: l.by, Groups: len(l.groups), Measures: []LevelMeasure{}}
	for _, m := range r.Descriptor.Measures {
		answer, err := r.answer(l, m.Name)
		if err != nil {
			return err
		}
		out.Measures = append(out.Measures, r.measure(l, m.Name, answer))
	}
	r.out.Levels = append(r.out.Levels, out)
	return nil
}

// answer is what the groups of a level take of a measure, each period by itself.
func (r *reporting) answer(l level, measure string) (*disclosure.Answer, error) {
	g := disclosure.Grid{
		Columns: []disclosure.Column{{Measure: measure}}, Groups: len(l.groups), Assign: l.assign, AsOf: r.AsOf, Live: r.Live,
	}
	for _, p := range r.periods {
		g.Periods = append(g.Periods, []int64{p})
	}
	answer, err := r.Family.Answer(r.Descriptor.Dataset, g, r.Cells)
	if err != nil {
		return nil, fmt.Errorf("answer %s by %q: %w", measure, l.by, err)
	}
	return answer, nil
}

func (r *reporting) measure(l level, measure string, answer *disclosure.Answer) LevelMeasure {
	out := LevelMeasure{Measure: measure, Short: []Short{}}
	byPeriod := make([]Worst, len(r.periods))
	for g, row := range answer.Coverage {
		short, seen := Short{Values: l.groups[g].Values}, false
		for i, c := range row {
			if c.Of == 0 {
				continue
			}
			seen = true
			out.Figures++
			if c.Included == c.Of {
				out.Whole++
			}
			if c.Included == 0 || !r.Descriptor.Policy.Covers(c.Included, c.Of) {
				out.Withheld++
			}
			if c.HeldBack > 0 {
				out.HeldBack++
				r.out.HeldBack = append(r.out.HeldBack, Held{l.by, l.groups[g].Values, measure, r.period(r.periods[i]), c.HeldBack})
			}
			byPeriod[i].Included, byPeriod[i].Of = byPeriod[i].Included+c.Included, byPeriod[i].Of+c.Of
			short.Included, short.Of = short.Included+c.Included, short.Of+c.Of
		}
		out.Included, out.Of = out.Included+short.Included, out.Of+short.Of
		switch {
		case !seen:
		case short.Included == short.Of:
			out.Complete++
		default:
			out.Short = append(out.Short, short)
		}
	}
	slices.SortStableFunc(out.Short, func(a, b Short) int { return less(a.Included, a.Of, b.Included, b.Of) })
	out.Short = out.Short[:min(len(out.Short), MaxShort)]
	out.Worst = r.worst(byPeriod)
	out.Value = r.value(measure, answer)
	return out
}

// less compares a/b with c/d, b and d being above 0.
func less(a, b, c, d int) int { return cmp.Compare(int64(a)*int64(d), int64(c)*int64(b)) }

// worst is the first period that covers least, nil where all are whole.
func (r *reporting) worst(byPeriod []Worst) *Worst {
	var out *Worst
	for i, w := range byPeriod {
		if w.Included < w.Of && (out == nil || less(w.Included, w.Of, out.Included, out.Of) < 0) {
			out = &Worst{r.period(r.periods[i]), w.Included, w.Of}
		}
	}
	return out
}

// value is the share of all readings that are in figures, in thousandths.
func (r *reporting) value(measure string, answer *disclosure.Answer) *int {
	if r.Sums == nil {
		return nil
	}
	var in, of wide
	for i, p := range r.periods {
		taken := answer.Taken[i].Classes()
		for e, v := range r.Sums(measure, p) {
			of.add(v)
			if c := r.tree.Class(e); c >= 0 && taken.Has(int(c)) {
				in.add(v)
			}
		}
	}
	whole := of.big()
	permille := 1000
	if whole.Sign() > 0 {
		permille = int(new(big.Int).Div(new(big.Int).Mul(in.big(), big.NewInt(1000)), whole).Int64())
	}
	return &permille
}

// wide is a sum of more than 64 bits.
type wide struct{ high, low uint64 }

// add adds what is not negative.
func (w *wide) add(v int64) {
	var carry uint64
	w.low, carry = bits.Add64(w.low, uint64(v), 0) //nolint:gosec // an absolute value
	w.high += carry
}

func (w wide) big() *big.Int {
	b := new(big.Int).Lsh(new(big.Int).SetUint64(w.high), 64)
	return b.Or(b, new(big.Int).SetUint64(w.low))
}

// sortHeld keeps the rows that lack the most corrections.
func (r *reporting) sortHeld() {
	slices.SortStableFunc(r.out.HeldBack, func(a, b Held) int { return cmp.Compare(b.Entities, a.Entities) })
	r.out.HeldBack = r.out.HeldBack[:min(len(r.out.HeldBack), MaxHeld)]
}
