package panel

import (
	"math/big"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
)

// FuzzParseDecimal holds numbers against exact rationals: read exactly, or refused for
// what is the matter with them.
func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{"1.5", "-0.05", "+.5", "7.", ".", "", "1e3", "1.500", "9223372036854775807", "9223372036854775808", "0x1p4", "١"} {
		f.Add(s, 1)
	}
	f.Add("922337203685477580.75", 2)
	f.Add("0.000000000000000000000", 3)
	f.Fuzz(func(t *testing.T, s string, decimals int) {
		if decimals < 0 || decimals > 18 {
			return
		}
		v, fault := decimal.ParseUnits(s, decimals)
		if !plainDecimal.MatchString(s) {
			if fault != decimal.NoNumber {
				t.Fatalf("%q is read as %d, fault %d", s, v, fault)
			}
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("%q is no number for math/big", s)
		}
		unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)
		want.Mul(want, new(big.Rat).SetInt(unit))
		switch fault {
		case decimal.OK:
			if want.Cmp(new(big.Rat).SetInt64(v)) != 0 {
				t.Fatalf("%q is read as %d units of 10^-%d", s, v, decimals)
			}
		case decimal.TooPrecise:
			if want.IsInt() {
				t.Fatalf("%q has no more than %d decimals", s, decimals)
			}
		case decimal.TooLarge:
			if whole := new(big.Int).Quo(want.Num(), want.Denom()); whole.IsInt64() {
				t.Fatalf("%q fits", s)
			}
		default:
			t.Fatalf("%q is no decimal", s)
		}
	})
}

// FuzzReadPeriod reads a period's columns, of one text and of parts: a period of the
// calendar, the same for a second reader and one that has read before, or a fault that
// says what would be right.
func FuzzReadPeriod(f *testing.F) {
	grains := []calendar.Grain{calendar.Year, calendar.Quarter, calendar.Month, calendar.Day, calendar.Hour}
	for i := range grains {
		f.Add(i, false, "2024-02-29T13")
		f.Add(i, true, "2024,2,29,13")
	}
	f.Add(4, false, "2024-05-07 13:00:00")
	f.Add(4, true, "2023,02,29,24")
	f.Add(1, true, "2024,5")
	f.Add(4, false, "2024-05-0713")
	f.Add(0, true, "99999999999999999999")
	f.Fuzz(func(t *testing.T, grain int, parts bool, text string) {
		if grain < 0 || grain >= len(grains) {
			return
		}
		g := grains[grain]
		fields := []string{text}
		if parts {
			fields = strings.Split(text, ",")
			if len(fields) != len(partNames(g)) {
				return
			}
		}
		r := &periodReader{grain: g, parts: parts}
		index, fault := r.read(fields)
		if fault != nil {
			if fault.message == "" || fault.want == "" || fault.part < 0 || fault.part >= len(fields) {
				t.Fatalf("%q: fault %+v", text, fault)
			}
			return
		}
		if b := g.Bounds(); index < b.From || index >= b.To {
			t.Fatalf("%q is %s number %d", text, g, index)
		}
		if again, fault := r.read(fields); fault != nil || again != index {
			t.Fatalf("%q is %d and then %d (%v)", text, index, again, fault)
		}
		canonical := &periodReader{grain: g}
		if back, fault := canonical.read([]string{g.Format(index)}); fault != nil || back != index {
			t.Fatalf("%q is written %q, which is %d (%v)", text, g.Format(index), back, fault)
		}
	})
}
