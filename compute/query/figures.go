package query

import (
	"cmp"
	"fmt"
	"math/big"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// avgPlaces is the number of places after the point that AVG is printed to,
// halves rounded away from zero.
const avgPlaces = 12

// figures are the exact sums and counts of one column of the result.
type figures struct {
	measure catalog.Measure
	counts  []int64    // per released group
	sums    []*big.Int // in units of 10^-Decimals; nil when only counted
	tail    *big.Int   // bound of the noise in a sum; 0 of exact ones
	half    *big.Int   // half-width of the 95 % interval of a sum; nil of exact ones
}

// CheckError is a sum that cannot be: it lies outside the number of present
// cells times the declared range, so something was damaged on the way, or the
// publisher's readings are not what it declared. No figure of the query may be
// shown.
type CheckError struct {
	Measure string
	What    string // which sum; empty: of the measure's readings
	Group   string // its dimensions, for a person
	Count   int64
	Sum     string // as it came out, in the measure's unit
	Least   string // count × the declared bounds
	Most    string
}

// Error implements error.
func (e *CheckError) Error() string {
	what := e.What
	if what == "" {
		what = "sum of " + e.Measure
	}
	return fmt.Sprintf("the %s over %d readings (%s) came out as %s, and must lie from %s to %s; no figure is printed",
		what, e.Count, e.Group, e.Sum, e.Least, e.Most)
}

// decode turns sums of centred integers into sums of readings, each checked
// against count × range, give or take what noise may be: Σx = Σenc + mid·count
// (DESIGN section 5).
func (f *figures) decode(encoded []int64, group func(int) string) error {
	f.sums = make([]*big.Int, len(encoded))
	mid, low, high := big.NewInt(f.measure.Mid()), big.NewInt(f.measure.Min), big.NewInt(f.measure.Max)
	var least, most big.Int
	for i, enc := range encoded {
		n := big.NewInt(f.counts[i])
		sum := new(big.Int).Mul(mid, n)
		sum.Add(sum, big.NewInt(enc))
		least.Mul(low, n)
		most.Mul(high, n)
		least.Sub(&least, f.tail)
		most.Add(&most, f.tail)
		if sum.Cmp(&least) < 0 || sum.Cmp(&most) > 0 {
			text := func(v *big.Int) string { return decimalText(v, f.measure.Decimals) }
			return &CheckError{Measure: f.measure.Name, Group: group(i), Count: f.counts[i],
				Sum: text(sum), Least: text(&least), Most: text(&most)}
		}
		f.sums[i] = sum
	}
	return nil
}

// cell is the value of an aggregate in a group: int64, string, or nil for NULL.
func (f *figures) cell(fn string, group int) any {
	n := f.counts[group]
	switch {
	case fn == fnCount:
		return n
	case n == 0:
		return nil
	case fn == fnSum:
		return decimalText(f.sums[group], f.measure.Decimals)
	}
	den := new(big.Int).Mul(big.NewInt(n), powerOfTen(f.measure.Decimals))
	return new(big.Rat).SetFrac(f.sums[group], den).FloatString(avgPlaces)
}

// compare orders two groups by an aggregate, exactly; NULL is the greatest.
func (f *figures) compare(fn string, a, b int) int {
	na, nb := f.counts[a], f.counts[b]
	switch {
	case fn == fnCount:
		return cmp.Compare(na, nb)
	case na == 0 || nb == 0:
		return cmp.Compare(nb, na) // the one without cells is greater
	case fn == fnSum:
		return f.sums[a].Cmp(f.sums[b])
	}
	left := new(big.Int).Mul(f.sums[a], big.NewInt(nb))
	return left.Cmp(new(big.Int).Mul(f.sums[b], big.NewInt(na)))
}

func powerOfTen(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// decimalText writes v·10^-decimals exactly, with all its decimals.
func decimalText(v *big.Int, decimals int) string {
	if decimals <= 0 {
		return v.String()
	}
	digits := new(big.Int).Abs(v).String()
	if len(digits) <= decimals {
		digits = strings.Repeat("0", decimals+1-len(digits)) + digits
	}
	sign := ""
	if v.Sign() < 0 {
		sign = "-"
	}
	return sign + digits[:len(digits)-decimals] + "." + digits[len(digits)-decimals:]
}
