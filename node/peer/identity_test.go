package peer

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"slices"
	"testing"
)

func TestIdentityIsTheSameAtEveryStart(t *testing.T) {
	a, b := newIdentity(t, "a"), newIdentity(t, "a")
	if !bytes.Equal(a.certificate.Certificate[0], b.certificate.Certificate[0]) {
		t.Fatal("two certificates of one key differ")
	}
	leaf, err := x509.ParseCertificate(a.certificate.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if !a.Public().Equal(leaf.PublicKey) || leaf.NotAfter.Year() != 9999 {
		t.Fatalf("the certificate carries %v until %v", leaf.PublicKey, leaf.NotAfter)
	}
	if err := leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature); err != nil {
		t.Fatal(err)
	}
	if message := []byte("m"); !ed25519.Verify(a.Public(), message, a.Sign(message)) {
		t.Fatal("its signature does not verify")
	}
}

func TestMalformedPrivateKeyIsRefused(t *testing.T) {
	a, b := newIdentity(t, "a").private, newIdentity(t, "b").private
	for name, key := range map[string]ed25519.PrivateKey{
		"nil": nil, "seed only": a[:32], "too long": append(slices.Clone(a), 0),
		"public half of another key": append(slices.Clone(a[:32]), b[32:]...),
	} {
		if _, err := NewIdentity(key); !errors.Is(err, ErrIdentity) {
			t.Errorf("%s: %v, want ErrIdentity", name, err)
		}
	}
}

func TestAmbiguousRosterIsRefusedAndChangesNothing(t *testing.T) {
	a, b := newIdentity(t, "a").Public(), newIdentity(t, "b").Public()
	good := Member{ID: "a", Key: a, Addr: "h:1"}
	r := newRoster(t, good)
	for name, members := range map[string][]Member{
		"same id":      {good, {ID: "a", Key: b, Addr: "h:2"}},
		"same key":     {good, {ID: "b", Key: a, Addr: "h:2"}},
		"same address": {good, {ID: "b", Key: b, Addr: "h:1"}},
		"short key":    {{ID: "b", Key: b[1:], Addr: "h:2"}},
		"no id":        {{Key: b, Addr: "h:2"}},
		"no address":   {{ID: "b", Key: b}},
	} {
		if err := r.Set(members); !errors.Is(err, ErrRoster) {
			t.Errorf("%s: %v, want ErrRoster", name, err)
		}
		if _, err := NewRoster(members); !errors.Is(err, ErrRoster) {
			t.Errorf("%s: %v, want ErrRoster", name, err)
		}
	}
	if got := *r.current.Load(); len(got) != 1 || got[0].ID != "a" {
		t.Errorf("a refused Set left %v", got)
	}
}

func TestRosterFindsMembersAndKeepsItsOwnKeys(t *testing.T) {
	key := slices.Clone(newIdentity(t, "a").Public())
	r := newRoster(t, Member{ID: "b", Key: newIdentity(t, "b").Public(), Addr: "h:2"}, Member{ID: "a", Key: key, Addr: "h:1"})
	want := newIdentity(t, "a").Public()
	key[0]++ // the caller's copy
	if m, ok := r.Member("a"); !ok || !m.Key.Equal(want) {
		t.Error("Member does not find a")
	}
	if m, ok := r.MemberByKey(want); !ok || m.ID != "a" {
		t.Error("MemberByKey does not find a")
	}
	if m, ok := r.MemberByAddr("h:1"); !ok || m.ID != "a" {
		t.Error("MemberByAddr does not find a")
	}
	if _, ok := r.MemberByKey(key); ok {
		t.Error("MemberByKey finds a key that nobody has")
	}
	if m, ok := r.Member("b"); !ok || m.Addr != "h:2" || len(*r.current.Load()) != 2 {
		t.Errorf("members are %v", *r.current.Load())
	}
}
