package panel

import (
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog/decimal"
)

var plainDecimal = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$`)

// rational is the exact value of a plain decimal.
func rational(t *rapid.T, s string) *big.Rat {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "+"), ".")
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is no rational", s)
	}
	return r
}

func pow10(n int) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
}

func TestDecimalsAreExactOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.StringMatching(`[+-]?[0-9]{0,25}\.?[0-9]{0,12}0{0,4}`),
			rapid.StringMatching(`[+-.0-9eE ]{0,8}`),
			rapid.SampledFrom([]string{"9223372036854775807", "-9223372036854775807", "9223372036854775808", "-9223372036854775808", "922337203685477580.7", "0.9223372036854775808"}),
		).Draw(t, "s")
		decimals := rapid.IntRange(0, 9).Draw(t, "decimals")
		got, fault := decimal.ParseUnits(s, decimals)
		if !plainDecimal.MatchString(s) {
			if fault != decimal.NoNumber {
				t.Fatalf("%q is taken for a decimal: %d, %d", s, got, fault)
			}
			return
		}
		v := rational(t, s)
		v.Mul(v, pow10(decimals))
		magnitude := new(big.Int).Quo(v.Num(), v.Denom()) // towards zero
		fits := magnitude.CmpAbs(big.NewInt(math.MaxInt64)) <= 0
		switch {
		case fits && v.IsInt() && (fault != decimal.OK || got != v.Num().Int64()):
			t.Fatalf("%q with %d decimals: %d, fault %d", s, decimals, got, fault)
		case !fits && fault != decimal.TooLarge:
			t.Fatalf("%q with %d decimals is too large, not %d, fault %d", s, decimals, got, fault)
		case fits && !v.IsInt() && fault != decimal.TooPrecise:
			t.Fatalf("%q has more than %d decimals, not %d, fault %d", s, decimals, got, fault)
		}
	})
}

func TestDecimalsAreWrittenAsTheyAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, decimals := rapid.Int64Min(math.MinInt64+1).Draw(t, "v"), rapid.IntRange(0, 9).Draw(t, "decimals")
		s := decimal.Format(v, decimals)
		if again, fault := decimal.ParseUnits(s, decimals); fault != decimal.OK || again != v {
			t.Fatalf("%d with %d decimals is written %s, read %d, fault %d", v, decimals, s, again, fault)
		}
		if strings.Contains(s, ".") && strings.HasSuffix(s, "0") || strings.HasPrefix(s, "00") {
			t.Fatalf("%s has zeros too many", s)
		}
	})
}

func TestExponentsAreWrittenOutExactly(t *testing.T) {
	for in, want := range map[string]string{
		"1e-9": "0.000000001", "1E3": "1000", "-2.50e1": "-25", "+.5e0": "0.5", "12.345e2": "1234.5", "0e5": "0", "100e-2": "1",
		"10.00": "10.00", "x": "", "e": "", "1e": "", "1e1.5": "", "1e99": "", "1e-99": "", "ee1": "", "1ee1": "",
	} {
		got, ok := expandExponent(in)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s, %v; want %s", in, got, ok, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[+-]?[0-9]{1,6}(\.[0-9]{0,6})?e[+-]?[0-2]?[0-9]`).Draw(t, "s")
		got, ok := expandExponent(s)
		mantissa, exp, _ := strings.Cut(s, "e")
		n, _ := decimal.ParseUnits(exp, 0)
		want := rational(t, mantissa)
		if n >= 0 {
			want.Mul(want, pow10(int(n)))
		} else {
			want.Quo(want, pow10(int(-n)))
		}
		if !ok || strings.ContainsAny(got, "eE") || rational(t, got).Cmp(want) != 0 {
			t.Fatalf("%s: %s, %v", s, got, ok)
		}
	})
}
