package seeds

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// issuedCodes are codes in public use, and the standard's own example.
var issuedCodes = []string{
	"91350100M000100Y43", // example of GB 32100-2015
	"914403001922038216",
	"9144030071526726XG",
	"91330100799655058B",
	"91110108551385082Q",
	"91110000802100433B",
}

func TestIssuedCreditCodesVerify(t *testing.T) {
	for _, code := range issuedCodes {
		if err := VerifyCreditCode(code); err != nil {
			t.Errorf("%s: %v", code, err)
		}
	}
	for body, want := range map[string]byte{"71526726": 'X', "19220382": '1', "79965505": '8', "55138508": '2'} {
		if got := organisationCheck([8]byte([]byte(body))); got != want {
			t.Errorf("organisation %s: %c, want %c", body, got, want)
		}
	}
}

func TestEveryChangedCharacterIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := []byte(rapid.SampledFrom(issuedCodes).Draw(t, "code"))
		at := rapid.IntRange(0, 17).Draw(t, "at")
		c := creditAlphabet[rapid.IntRange(0, 30).Draw(t, "character")]
		if code[at] == c {
			return
		}
		code[at] = c
		if err := VerifyCreditCode(string(code)); !errors.Is(err, ErrCreditCode) {
			t.Fatalf("%s verifies", code)
		}
	})
}

func TestMalformedCreditCodesAreRefused(t *testing.T) {
	for _, code := range []string{"", "9135", "91350100M000100Y4I", "9I350100M000100Y43", "91350100m000100y43", strings.Repeat("汉", 6)} {
		if err := VerifyCreditCode(code); !errors.Is(err, ErrCreditCode) {
			t.Errorf("%q: %v", code, err)
		}
	}
	if _, err := CreditCodeCheck("91350100M000100Y4"); err != nil {
		t.Error(err)
	}
	if _, err := syntheticCreditCode("13IO", 1); !errors.Is(err, ErrCreditCode) {
		t.Errorf("a division outside the alphabet: %v", err)
	}
}

func FuzzVerifyCreditCode(f *testing.F) {
	for _, code := range issuedCodes {
		f.Add(code)
	}
	f.Add("")
	f.Add("91350100M000100Y4Z")
	f.Fuzz(func(t *testing.T, code string) {
		if VerifyCreditCode(code) != nil {
			return
		}
		check, err := CreditCodeCheck(code[:17])
		if err != nil || check != code[17] {
			t.Fatalf("%q verifies, but its check is %q, %v", code, check, err)
		}
	})
}
