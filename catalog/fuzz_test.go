package catalog

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
)

func FuzzParseEntry(f *testing.F) {
	w := newWorld(f, 3, 2)
	good := NewEntry(w.now, w.sign("operator", KindPrincipalAdd, testPrincipal("bank", RoleBuyer))).Marshal()
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte{1})
	f.Add(NewEntry(0, Envelope{}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEntry(b)
		if err == nil && !bytes.Equal(e.Marshal(), b) {
			t.Fatalf("%x is written as %x", b, e.Marshal())
		}
	})
}

func FuzzParsePayload(f *testing.F) {
	w := newWorld(f, 3, 2)
	good := w.sign("operator", KindPrincipalAdd, testPrincipal("bank", RoleBuyer)).Payload
	f.Add(good)
	f.Add(bytes.Replace(good, []byte(`"v":1`), []byte(`"v":1,"v":1`), 1))
	f.Add([]byte(`{"v":1,"body":{"a":[{"b":"\""}]}}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePayload(b)
		if err != nil {
			return
		}
		again, err := ParsePayload(encode(p))
		if err != nil || !bytes.Equal(encode(again), encode(p)) {
			t.Fatalf("%q: %v", b, err)
		}
	})
}

// FuzzApply feeds the body of every kind, signed by whoever may send it.
func FuzzApply(f *testing.F) {
	w := ready(f)
	contract := w.contract("bank", OrderCreate{Dataset: "emissions"})
	w.ok("bank", KindQuerySubmit, submit(contract, sumBy()))
	mine := w.vector("bank", w.vectorOf("mine", 1)).ID
	open := w.ok("bank", KindVectorRegister, w.vectorOf("loans", 1)).ID
	selects := sumBy()
	selects.In = mine
	private := w.ok("bank", KindQuerySubmit, submit(contract, selects))
	weighs := submit(contract, sumBy())
	weighs.Request.Select = []Aggregate{{Func: "sum", Measure: "nox", Weight: mine}}
	weighs.Request.Noise = &Noise{Epsilon: "0.5"}
	kinds := map[string][]Kind{
		"operator": {KindPrincipalAdd},
		"bureau":   {KindRegistryCreate, KindRegistryRows, KindDatasetCreate, KindVersionPropose, KindVersionCounts, KindOrderApprove},
		"bank":     {KindOrderCreate, KindQuerySubmit, KindVectorRegister, KindVectorDrop},
		"node1":    {KindKeyStart, KindKeyCommit, KindKeyTested, KindKeySign, KindVersionAttempt, KindVersionParity, KindQueryAttempt, KindQueryShare, KindVectorHold, KindVectorLine, KindVectorAttempt, KindVectorBits, KindVectorFail, KindCohortFailed},
	}
	seeds := []any{
		testPrincipal("x", RoleBuyer), createEnterprises(testRows(0, 3)), RegistryRows{ID: "enterprises", Rows: testRows(0, 2)},
		DatasetCreate{Descriptor: testDescriptor("x")}, w.proposal(testDescriptor("emissions"), 40, 2, testCounts(2, 2, 40, func(_, _, _ int) bool { return true })),
		VersionCounts{Dataset: "emissions", Version: 1, Measure: "nox", Bitmaps: [][]byte{{1}}}, OrderCreate{Dataset: "emissions", Purpose: "x"},
		submit(contract, sumBy(attr("county"), Dimension{Kind: DimPeriod, Grain: GrainYear})),
		startOf("rival", 1), w.commitment("k", 1, 1), w.attempt("q", 1), w.share("q", 1, 1),
		w.vectorOf("mine", 2), VectorHold{Vector: open, Nonce: testNonce("node1")}, VectorLine{Vector: open, Values: []uint64{1, 2}},
		VectorAttempt{Vector: open, Attempt: 1, Active: w.active()}, VectorBits{Vector: open, Attempt: 1, Values: []uint64{1, 2}},
		CohortFailed{Query: private.ID, Attempt: 1}, submit(contract, selects), weighs,
	}
	for _, s := range seeds {
		f.Add(encode(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !json.Valid(body) {
			return
		}
		c := *w
		c.t = t
		for _, who := range []string{"operator", "bureau", "bank", "node1"} {
			for _, kind := range kinds[who] {
				c.store, c.log = w.store.Clone(), nil
				e, err := Sign(testKey(who), signerOf(who), c.payload(kind, json.RawMessage(body)))
				if err != nil {
					return
				}
				c.apply(e) // checks that a refusal changes nothing
			}
		}
	})
}

// FuzzUnpackLevels: what was accepted with a version is read without its length.
func FuzzUnpackLevels(f *testing.F) {
	f.Add(PackAssign([]int32{-1, 0, 0, 3, 3, 1}))
	f.Add(PackAssign(nil))
	f.Add([]byte{})
	f.Add([]byte{assignFormat, 0xff, 0xff, 0x07, 2, 0xff, 0xff, 0x07, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		levels, err := unpackLevels(b)
		if err == nil && !bytes.Equal(PackAssign(levels), b) {
			t.Fatalf("%x is not what %v is packed to", b, levels)
		}
	})
}

// FuzzDecodePartition: a partition that is read is written as it was.
func FuzzDecodePartition(f *testing.F) {
	p := &partition{assign: []int32{0, 1, 1, 2, 0, 2}, classes: 3, frozen: []frozen{{Class: 1, Commitment: Sum([]byte("x")), Uses: 1}}}
	f.Add(p.encode())
	f.Add(newPartition(0).encode())
	f.Add(encode(partitionRecord{Format: partitionFormat, Entities: MaxRegistryRows, Classes: 1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r partitionRecord
		if decodeStrict(b, &r) != nil {
			return
		}
		p, err := decodePartition(r)
		if err != nil {
			return
		}
		if again := encode(r); !bytes.Equal(p.encode(), again) {
			t.Fatalf("%s is written as %s", again, p.encode())
		}
		for e := range p.assign {
			if c := p.class(e); c < 0 || int(c) >= p.classes {
				t.Fatalf("entity %d is in class %d of %d", e, c, p.classes)
			}
		}
	})
}

// FuzzDecodeBurdens: what was released of classes means the same when it was written
// and read again.
func FuzzDecodeBurdens(f *testing.F) {
	columns := []releasedColumn{{Dataset: "m", Measure: "nox"}, {Dataset: "m", Measure: "nox", Other: "so2"}}
	b := (&burdens{}).grown(3, nil)
	b.extend(1, columns[0], Interval{648, 660})
	b.extend(2, columns[1], Interval{648, 649})
	f.Add(3, mustRecord[burdensRecord](f, b.encode()).Hulls)
	f.Add(1<<20, []byte{0})
	f.Add(1, []byte{1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0}) // ends behind the last period there is
	f.Fuzz(func(t *testing.T, classes int, hulls []byte) {
		b, err := decodeBurdens(burdensRecord{Format: burdensFormat, Classes: classes, Columns: columns, Hulls: hulls})
		if err != nil {
			return
		}
		again, err := decodeBurdens(mustRecord[burdensRecord](t, b.encode()))
		if err != nil || !slices.EqualFunc(again.hulls, b.hulls, slices.Equal) {
			t.Fatalf("%x in %d classes is read as %v and then %v (%v)", hulls, classes, b.hulls, again, err)
		}
		for _, class := range b.hulls {
			for _, h := range class {
				if h.To < h.From {
					t.Fatalf("an interval %v", h)
				}
			}
		}
	})
}

// FuzzApplyEntry applies any bytes as an entry of the log, as a leader might propose
// them: refused without a trace, never an error, which would stop the node, and never
// accepted unless somebody signed just this.
func FuzzApplyEntry(f *testing.F) {
	w := ready(f)
	signed := w.sign("operator", KindPrincipalAdd, testPrincipal("another", RoleBuyer))
	good := NewEntry(w.now, signed).Marshal()
	f.Add(good)
	f.Add(NewEntry(w.now, w.sign("bank", KindPrincipalAdd, testPrincipal("another", RoleBuyer))).Marshal())
	f.Add(NewEntry(MaxTime, signed).Marshal())
	f.Add(good[:len(good)-1])
	f.Add(append(bytes.Clone(good), 0))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, entry []byte) {
		c := *w
		c.t, c.store, c.log = t, w.store.Clone(), nil
		if out := c.applyBytes(entry); out.Refusal != nil {
			return
		}
		e, err := ParseEntry(entry)
		if err != nil || !bytes.Equal(e.Envelope.Payload, signed.Payload) || !bytes.Equal(e.Envelope.Signature, signed.Signature) || e.Envelope.Signer != signed.Signer {
			t.Fatalf("%x is accepted, and nobody signed it", entry)
		}
	})
}
