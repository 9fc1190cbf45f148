package token

import (
	"crypto/ed25519"
	"errors"
	"testing"
	"time"
)

func FuzzVerifyAcceptsOnlyWhatWasIssued(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := key.Public().(ed25519.PublicKey)
	now := time.Unix(1_700_000_000, 0)
	good, err := Issue(key, "p-1", "cluster", now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-20] + "\n" + good[len(good)-20:])
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.eyJzdWIiOiJwLTEifQ.")
	f.Fuzz(func(t *testing.T, text string) {
		who, err := Verify(text, "cluster", now, func(string) (ed25519.PublicKey, error) { return public, nil })
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if text != good || who != "p-1" {
			t.Fatalf("%q was accepted as %q", text, who)
		}
	})
}

func TestErrorOfTheKeysLookupComesBackAsItIs(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	now := time.Now()
	text, err := Issue(key, "p-1", "cluster", now)
	if err != nil {
		t.Fatal(err)
	}
	down := errors.New("the ledger is down")
	_, err = Verify(text, "cluster", now, func(string) (ed25519.PublicKey, error) { return nil, down })
	if !errors.Is(err, down) || errors.Is(err, ErrInvalid) {
		t.Errorf("got %v: a fault of the node must not look like a bad token", err)
	}
}
