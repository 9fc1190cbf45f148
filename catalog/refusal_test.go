package catalog

import (
	"encoding/json"
	"testing"
)

func TestRefusalsAreLoggedByTheirCodes(t *testing.T) {
	r := Invalid("x", "text.too_long", 64).WithParts(Why("json.not_utf8"))
	if r.Error() != "text.too_long(64): json.not_utf8" {
		t.Fatal(r)
	}
}

// tester is what *testing.T, *testing.B, *testing.F and *rapid.T have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func wantRefusal(t tester, r *Refusal, kind RefusalKind, rule string) {
	t.Helper()
	if r == nil {
		t.Fatalf("accepted, want refusal %s/%s", kind, rule)
	}
	if r.Kind != kind || r.Rule != rule {
		t.Fatalf("refused as %s/%s (%s, field %q), want %s/%s", r.Kind, r.Rule, r, r.Field, kind, rule)
	}
}

func clone[T any](t tester, v T) T {
	t.Helper()
	var out T
	if err := json.Unmarshal(Encode(v), &out); err != nil {
		t.Fatal(err)
	}
	return out
}
