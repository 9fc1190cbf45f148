package state

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/granting"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
)

func TestEnvelopeAppliedTwiceIsAnsweredWithTheFirstOutcome(t *testing.T) {
	w := newWorld(t, 3, 2)
	e := w.sign("operator", catalog.KindPrincipalAdd, testPrincipal("bureau", catalog.RolePublisher))
	first := w.apply(e)
	w.now += 30_000
	second := w.apply(e)
	if !second.Repeat || second.ID != first.ID || second.Seq != first.Seq || second.Refusal != nil {
		t.Fatalf("first %+v, second %+v", first, second)
	}
	refused := w.sign("operator", catalog.KindPrincipalAdd, testPrincipal("bureau", catalog.RolePublisher))
	if out := w.apply(refused); out.Refusal == nil || out.Repeat {
		t.Fatalf("outcome %+v", out)
	}
	if out := w.apply(refused); out.Refusal == nil || !out.Repeat {
		t.Fatalf("outcome of the repeat %+v", out)
	}
}

func TestOutcomesAreForgottenWhenTheEnvelopeHasLongExpired(t *testing.T) {
	w := newWorld(t, 3, 2)
	e := w.sign("operator", catalog.KindPrincipalAdd, testPrincipal("bureau", catalog.RolePublisher))
	w.apply(e)
	w.now += 60_000 + replayMargin - 1
	if out := w.apply(e); !out.Repeat {
		t.Fatalf("outcome within the margin %+v", out)
	}
	w.now += 2
	for range pruneEvery {
		w.do("operator", catalog.KindPrincipalAdd, testPrincipal("bureau", catalog.RolePublisher))
	}
	out := w.apply(e)
	if out.Repeat {
		t.Fatal("the outcome is still known")
	}
	statetest.WantRefusal(t, out.Refusal, catalog.RefusedSignature, "expired")
	for _, k := range w.store.Keys() {
		if strings.HasPrefix(k, records.PrefixSeenUntil) && k < records.SeenUntilKey(w.now, catalog.Digest{}) {
			t.Fatalf("%s was not pruned", k)
		}
	}
	seen, until := 0, 0
	for _, k := range w.store.Keys() {
		if strings.HasPrefix(k, records.PrefixSeen) {
			seen++
		}
		if strings.HasPrefix(k, records.PrefixSeenUntil) {
			until++
		}
	}
	if seen != until {
		t.Fatalf("%d outcomes, %d expiries", seen, until)
	}
}

func TestForgedEnvelopesAreRefusedAndDoNotUseUpTheGenuineOne(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	genuine := w.sign("operator", catalog.KindPrincipalAdd, testPrincipal("newcomer", catalog.RoleBuyer))

	forged := genuine
	forged.Signature = bytes.Clone(genuine.Signature)
	forged.Signature[0] ^= 1
	statetest.WantRefusal(t, w.apply(forged).Refusal, catalog.RefusedSignature, "signature")

	wrongKey := genuine
	wrongKey.Signature = ed25519.Sign(testKey("bank"), append([]byte(catalog.SigningContext), genuine.Payload...))
	statetest.WantRefusal(t, w.apply(wrongKey).Refusal, catalog.RefusedSignature, "signature")

	noContext := genuine
	noContext.Signature = ed25519.Sign(testKey("operator"), genuine.Payload)
	statetest.WantRefusal(t, w.apply(noContext).Refusal, catalog.RefusedSignature, "signature")

	// Somebody else signs the same payload as its own.
	stolen := catalog.Envelope{Payload: genuine.Payload, Signer: testID("bank")}
	stolen.Signature = ed25519.Sign(testKey("bank"), append([]byte(catalog.SigningContext), genuine.Payload...))
	statetest.WantRefusal(t, w.apply(stolen).Refusal, catalog.RefusedSignature, "signer")

	stranger := w.sign("stranger", catalog.KindPrincipalAdd, testPrincipal("newcomer", catalog.RoleBuyer))
	statetest.WantRefusal(t, w.apply(stranger).Refusal, catalog.RefusedSignature, "signer")
	noNode := w.sign("node9", catalog.KindKeyAck, catalog.KeyAck{})
	statetest.WantRefusal(t, w.apply(noNode).Refusal, catalog.RefusedSignature, "signer")

	if out := w.apply(genuine); out.Refusal != nil || out.Repeat {
		t.Fatalf("the genuine envelope: %+v", out)
	}
}

func TestEnvelopeForAnotherTimeOrClusterIsRefused(t *testing.T) {
	w := newWorld(t, 3, 2)
	body := testPrincipal("bank", catalog.RoleBuyer)
	for _, test := range []struct {
		name, rule string
		change     func(*catalog.Payload)
	}{
		{"another cluster", "cluster", func(p *catalog.Payload) { p.Cluster = catalog.Sum(nil).String() }},
		{"another cluster whose id begins alike", "cluster", func(p *catalog.Payload) { p.Cluster = p.Cluster[:63] + string('0'+('1'-p.Cluster[63])&1) }},
		{"the beginning of this cluster's id", "cluster", func(p *catalog.Payload) { p.Cluster = p.Cluster[:63] }},
		{"this cluster's id in capitals", "cluster", func(p *catalog.Payload) { p.Cluster = strings.ToUpper(p.Cluster) }},
		{"no cluster", "cluster", func(p *catalog.Payload) { p.Cluster = "" }},
		{"valid for too long", "lifetime", func(p *catalog.Payload) { p.Expires = p.Issued + catalog.MaxEnvelopeAge + 1 }},
		{"from the future", "issued", func(p *catalog.Payload) { p.Issued, p.Expires = w.now+catalog.MaxSkew+1, w.now+catalog.MaxSkew+1000 }},
		{"expired", "expired", func(p *catalog.Payload) { p.Issued, p.Expires = w.now-1000, w.now }},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := w.payload(catalog.KindPrincipalAdd, body)
			test.change(&p)
			e, err := catalog.Sign(testKey("operator"), testID("operator"), p)
			if err != nil {
				t.Fatal(err)
			}
			statetest.WantRefusal(t, w.apply(e).Refusal, catalog.RefusedSignature, test.rule)
			if _, err := records.Find[catalog.Outcome](w.store, records.PrefixSeen+e.Digest().String()); err == nil {
				t.Fatal("the outcome was recorded")
			}
		})
	}
	p := w.payload(catalog.KindPrincipalAdd, body)
	p.Issued, p.Expires = w.now+catalog.MaxSkew, w.now+catalog.MaxSkew+catalog.MaxEnvelopeAge
	e, err := catalog.Sign(testKey("operator"), testID("operator"), p)
	if err != nil {
		t.Fatal(err)
	}
	if out := w.apply(e); out.Refusal != nil {
		t.Fatalf("an envelope within the skew is refused: %v", out.Refusal)
	}
}

func TestClockNeverRunsBackwards(t *testing.T) {
	w := newWorld(t, 3, 2)
	at := func(now int64) int64 {
		e := w.sign("operator", catalog.KindPrincipalAdd, testPrincipal("bank", catalog.RoleBuyer))
		return w.applyBytes(catalog.NewEntry(now, e).Marshal()).Time
	}
	if got := at(w.now + 5000); got != w.now+5000 {
		t.Fatalf("time %d", got-w.now)
	}
	if got := at(w.now); got != w.now+5000 {
		t.Fatalf("time %d, want that of the entry before", got-w.now)
	}
	if c := must[catalog.Cluster](t)(w.view().Cluster()); c.Time != w.now+5000 {
		t.Fatalf("clock %d", c.Time-w.now)
	}
}

func TestMalformedEntriesAndPayloadsAreRefused(t *testing.T) {
	w := newWorld(t, 3, 2)
	good := catalog.NewEntry(w.now, w.sign("operator", catalog.KindPrincipalAdd, testPrincipal("bank", catalog.RoleBuyer))).Marshal()
	late := catalog.NewEntry(catalog.MaxTime+1, catalog.Envelope{}).Marshal()
	for name, b := range map[string][]byte{
		"empty": nil, "short": good[:20], "cut": good[:len(good)-1], "long": append(bytes.Clone(good), 0),
		"version": append([]byte{2}, good[1:]...), "time": late, "huge": make([]byte, catalog.MaxEnvelope+len(catalog.NewEntry(0, catalog.Envelope{}).Marshal())+1),
	} {
		t.Run(name, func(t *testing.T) { statetest.WantRefusal(t, w.applyBytes(b).Refusal, catalog.RefusedInvalid, "entry") })
	}

	sign := func(payload string) catalog.Envelope {
		e := catalog.Envelope{Payload: []byte(payload), Signer: testID("operator")}
		e.Signature = ed25519.Sign(testKey("operator"), append([]byte(catalog.SigningContext), e.Payload...))
		return e
	}
	valid := string(w.sign("operator", catalog.KindPrincipalAdd, testPrincipal("bank", catalog.RoleBuyer)).Payload)
	for name, payload := range map[string]string{
		"no JSON":            "hello",
		"an array":           "[]",
		"unknown field":      strings.Replace(valid, `{"v":1`, `{"v":1,"w":2`, 1),
		"twice":              strings.Replace(valid, `{"v":1`, `{"v":1,"v":1`, 1),
		"twice in the body":  strings.Replace(valid, `"role":`, `"role":"operator","role":`, 1),
		"other case":         strings.Replace(valid, `{"v":1`, `{"V":1`, 1),
		"escaped field":      strings.Replace(valid, `{"v":1`, `{"\u0076":1`, 1),
		"behind":             valid + " ",
		"before":             " " + valid,
		"two values":         valid + valid,
		"bad UTF-8":          strings.Replace(valid, `"bank"`, "\"b\xffnk\"", 1),
		"version":            strings.Replace(valid, `{"v":1`, `{"v":2`, 1),
		"kind":               strings.Replace(valid, `"kind":"p`, `"kind":"P`, 1),
		"nonce":              strings.Replace(valid, `"nonce":"0`, `"nonce":"g`, 1),
		"issued after death": strings.Replace(valid, `"expires":1`, `"expires":0,"e":1`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if payload == valid {
				t.Fatal("the payload was not changed")
			}
			statetest.WantRefusal(t, w.apply(sign(payload)).Refusal, catalog.RefusedInvalid, "payload")
		})
	}
	for name, payload := range map[string]string{
		"unknown field in the body": strings.Replace(valid, `"role":`, `"rule":"x","role":`, 1),
		"wrong type in the body":    strings.Replace(valid, `"name":"bank"`, `"name":7`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			statetest.WantRefusal(t, w.apply(sign(payload)).Refusal, catalog.RefusedInvalid, "body")
		})
	}
}

func TestUnknownKindsAndWrongRolesAreRefused(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	w.no("operator", "cluster.destroy", struct{}{}, catalog.RefusedInvalid, "kind")
	w.no("operator", catalog.KindInit, testInit(3, 2), catalog.RefusedInvalid, "kind")
	byRole := map[string][]catalog.Kind{
		"operator": {catalog.KindPrincipalAdd},
		"bureau": {
			catalog.KindRegistryCreate, catalog.KindRegistryRows, catalog.KindRegistryCommit, catalog.KindDatasetCreate, catalog.KindVersionPropose, catalog.KindVersionCounts,
			catalog.KindVersionCommit, catalog.KindVersionDrop, catalog.KindOrderApprove, catalog.KindOrderRefuse, catalog.KindQuerySubmit,
		},
		"bank": {catalog.KindOrderCreate, catalog.KindQuerySubmit},
		"node1": {
			catalog.KindKeyStart, catalog.KindKeyCommit, catalog.KindKeyAck, catalog.KindKeyTested, catalog.KindKeySign, catalog.KindKeyFail, catalog.KindVersionAck, catalog.KindVersionAttempt,
			catalog.KindVersionParity, catalog.KindVersionFail, catalog.KindQueryAttempt, catalog.KindQueryShare, catalog.KindQueryFail,
		},
	}
	for _, who := range []string{"operator", "bureau", "bank", "node1"} {
		for _, owner := range []string{"operator", "bureau", "bank", "node1"} {
			for _, kind := range byRole[owner] {
				out := w.do(who, kind, struct{}{})
				allowed := false
				for _, k := range byRole[who] {
					allowed = allowed || k == kind
				}
				if out.Refusal == nil {
					t.Fatalf("%s by %s with an empty body is accepted", kind, who)
				}
				if forbidden := out.Refusal.Rule == "role" && out.Refusal.Kind == catalog.RefusedForbidden; forbidden == allowed {
					t.Fatalf("%s by %s: %+v", kind, who, out.Refusal)
				}
			}
		}
	}
}

func TestSignRefusesWhatNobodyWouldAccept(t *testing.T) {
	w := newWorld(t, 3, 2)
	p := w.payload(catalog.KindPrincipalAdd, testPrincipal("bank", catalog.RoleBuyer))
	if _, err := catalog.Sign(testKey("operator")[:10], "x", p); err == nil {
		t.Fatal("a short key signs")
	}
	bad := p
	bad.Nonce = "1"
	if _, err := catalog.Sign(testKey("operator"), "x", bad); err == nil {
		t.Fatal("a short nonce is signed")
	}
	bad = p
	bad.Body = []byte("{")
	if _, err := catalog.Sign(testKey("operator"), "x", bad); err == nil {
		t.Fatal("a body that is no JSON is signed")
	}
	bad = p
	bad.Body = catalog.Encode(map[string]string{"x": strings.Repeat("y", catalog.MaxEnvelope)})
	if _, err := catalog.Sign(testKey("operator"), "x", bad); err == nil {
		t.Fatal("an envelope that is too long is signed")
	}
}

func TestEntryRoundTrip(t *testing.T) {
	w := newWorld(t, 3, 2)
	e := catalog.NewEntry(12345, w.sign("operator", catalog.KindPrincipalAdd, testPrincipal("bank", catalog.RoleBuyer)))
	got, err := catalog.ParseEntry(e.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Marshal(), e.Marshal()) || got.Time != 12345 || got.Envelope.Digest() != e.Envelope.Digest() || !got.Envelope.Verify(testPublic("operator")) {
		t.Fatalf("entry %+v", got)
	}
}

// A leader whose clock is a year ahead has every client's envelope refused, and
// that is all: as soon as another one leads, the same envelopes are good.
func TestLeaderAYearAheadDoesNotMoveTheClock(t *testing.T) {
	w := ready(t)
	const year = granting.DefaultTerm
	before := must[catalog.Cluster](t)(w.view().Cluster()).Time
	e := w.sign("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "x"})
	for _, entry := range [][]byte{catalog.NewEntry(w.now+year, e).Marshal(), catalog.NewEntry(w.now+year, catalog.Envelope{Signer: e.Signer, Payload: e.Payload, Signature: make([]byte, 64)}).Marshal()} {
		out := w.applyBytes(entry)
		if out.Refusal == nil || out.Refusal.Kind != catalog.RefusedSignature || out.Time != before {
			t.Errorf("got %+v at %d, want a refusal at %d", out.Refusal, out.Time, before)
		}
		if now := must[catalog.Cluster](t)(w.view().Cluster()).Time; now != before {
			t.Errorf("the clock moved by %d ms", now-before)
		}
	}
	if out := w.applyBytes(catalog.NewEntry(w.now, e).Marshal()); out.Refusal != nil || out.Repeat {
		t.Errorf("the envelope is good no more: %+v", out)
	}
}
