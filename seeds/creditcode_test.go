package seeds

import (
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

// verifies reports whether the last of 18 characters is the check of those before it.
func verifies(code string) bool { return len(code) == 18 && creditCheck([]byte(code[:17])) == code[17] }

func TestIssuedCreditCodesVerify(t *testing.T) {
	for _, code := range issuedCodes {
		if !verifies(code) {
			t.Errorf("%s does not verify", code)
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
		if verifies(string(code)) {
			t.Fatalf("%s verifies", code)
		}
	})
}
