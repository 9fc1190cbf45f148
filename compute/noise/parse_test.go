package noise

import (
	"errors"
	"math/big"
	"regexp"
	"strings"
	"testing"
)

func TestParseEpsilon(t *testing.T) {
	for s, want := range map[string]string{ // "" is refused
		"1": "1", "0.5": "1/2", ".25": "1/4", "1.": "1", "1.000": "1", "0.10": "1/10", "001": "1",
		"0.3333": "3333/10000", "0.000000000000000000000000000001": "1/1000000000000000000000000000000",
		"": "", ".": "", "0": "", "0.0": "", "1.1": "", "1.0000001": "", "2": "", "-0.5": "", "+0.5": "",
		"1e-1": "", "0x1": "", "1/2": "", "0.5 ": "", " 0.5": "", "0,5": "", "0.5.5": "", "½": "", "٠.٥": "",
		"NaN": "", "Inf": "", "1_0": "", "0.0000000000000000000000000000001": "",
		strings.Repeat("0", 31): "", strings.Repeat("9", 100_000): "",
	} {
		got, err := ParseEpsilon(s)
		switch {
		case want == "":
			if !errors.Is(err, ErrBudget) || got != nil {
				t.Errorf("%.50q: %v, %v", s, got, err)
			}
			if err != nil && len(err.Error()) > 200 {
				t.Errorf("%.50q: an error of %d bytes", s, len(err.Error()))
			}
		case err != nil || got.Cmp(rat(t, want)) != 0:
			t.Errorf("%.50q: %v, %v, want %s", s, got, err, want)
		}
	}
}

func TestParseDelta(t *testing.T) {
	for s, want := range map[string]string{
		"0.5": "1/2", "1e-9": "1/1000000000", "1E-9": "1/1000000000", "2.5e-7": "1/4000000", "0.001e1": "1/100",
		"0.00001": "1/100000", "12e-05": "12/100000",
		"": "", "0": "", "0e-9": "", "1": "", "1e0": "", "2": "", "-1e-9": "", "1e-": "", "1e": "", "e-9": "",
		"1e-100": "", "1e--9": "", "1e+9": "", "1e-9e-9": "", "1e-9 ": "", "1e-x": "", "1e99": "",
	} {
		got, err := ParseDelta(s)
		switch {
		case want == "":
			if !errors.Is(err, ErrBudget) || got != nil {
				t.Errorf("%q: %v, %v", s, got, err)
			}
		case err != nil || got.Cmp(rat(t, want)) != 0:
			t.Errorf("%q: %v, %v, want %s", s, got, err, want)
		}
	}
	if got, err := ParseDelta("1e-99"); err != nil || got.Cmp(new(big.Rat).SetFrac(one, powerOfTen(99))) != 0 {
		t.Errorf("1e-99: %v, %v", got, err)
	}
}

var (
	epsilonForm = regexp.MustCompile(`^([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})$`)
	deltaForm   = regexp.MustCompile(`^([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE]-?[0-9]{1,2})?$`)
)

// Whatever is accepted has the documented form, and is the number that
// math/big reads there.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"0.5", "1", ".25", "1.", "1e-9", "2.5E-7", "0", "-1", "1e-100", "0x1p-3", "1_0", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		epsilon, epsilonErr := ParseEpsilon(s)
		delta, deltaErr := ParseDelta(s)
		for _, err := range []error{epsilonErr, deltaErr} {
			if err != nil && !errors.Is(err, ErrBudget) {
				t.Errorf("%q: %v", s, err)
			}
		}
		unit := big.NewRat(1, 1)
		wantEpsilon, wantDelta := false, false
		if deltaForm.MatchString(s) {
			v := rat(t, s)
			wantEpsilon = epsilonForm.MatchString(s) && v.Sign() > 0 && v.Cmp(unit) <= 0
			wantDelta = v.Sign() > 0 && v.Cmp(unit) < 0
			if wantEpsilon && epsilonErr == nil && epsilon.Cmp(v) != 0 || wantDelta && deltaErr == nil && delta.Cmp(v) != 0 {
				t.Errorf("%q was read as %s and %s", s, epsilon, delta)
			}
		}
		if (epsilonErr == nil) != wantEpsilon || (deltaErr == nil) != wantDelta {
			t.Errorf("%q: epsilon %v, delta %v, wanted %v and %v", s, epsilonErr, deltaErr, wantEpsilon, wantDelta)
		}
	})
}
