package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func shares(session, from string, batch int) parcel {
	return parcel{session: session, kind: parcelShares, batch: batch, from: from}
}

func TestWaitingWorkGetsTheParcelThatArrivesLater(t *testing.T) {
	t.Parallel()
	x := newExchange()
	var wg sync.WaitGroup
	for batch := range 20 {
		wg.Go(func() {
			b, err := x.wait(t.Context(), shares("s", "n2", batch))
			if err != nil || string(b) != fmt.Sprint(batch) {
				t.Errorf("batch %d: %q, %v", batch, b, err)
			}
		})
	}
	for batch := range 20 {
		if err := x.put(shares("s", "n2", batch), []byte(fmt.Sprint(batch))); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.wait(ctx, shares("s", "n3", 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("from another sender: %v", err)
	}
}

// What was released does not come back: neither to a root that runs again, which
// must know that it cannot go on, nor into the memory.
func TestReleasedParcelsAreGoneForGood(t *testing.T) {
	t.Parallel()
	x := newExchange()
	p := shares("s", "n2", 0)
	for range 3 {
		if err := x.put(p, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if x.size != 1000+parcelOverhead {
		t.Errorf("three of one name take %d bytes", x.size)
	}
	x.release(p)
	if err := x.put(p, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if x.size != parcelOverhead || x.sizeOf["n2"] != parcelOverhead {
		t.Errorf("a released parcel takes %d bytes", x.size)
	}
	if _, err := x.wait(t.Context(), p); !errors.Is(err, errUsedUp) {
		t.Errorf("waiting for it: %v", err)
	}
	x.release(shares("s", "n2", 1)) // was never there
	x.begin()
	x.keep(func(string) bool { return false })
	if x.size != 0 || len(x.held) != 0 || len(x.sizeOf) != 0 {
		t.Errorf("when the session is over %d bytes are left", x.size)
	}
}

// A look at the state drops what it knows to be over, and spares what arrived
// after the state was read.
func TestParcelsThatArriveDuringALookAreKept(t *testing.T) {
	t.Parallel()
	x := newExchange()
	put := func(session string) {
		t.Helper()
		if err := x.put(shares(session, "n2", 0), []byte(session)); err != nil {
			t.Fatal(err)
		}
	}
	put("over")
	put("running")
	x.begin()
	put("named since")
	x.keep(func(s string) bool { return s == "running" })
	for session, want := range map[string]bool{"over": false, "running": true, "named since": true} {
		if _, ok := x.held[shares(session, "n2", 0)]; ok != want {
			t.Errorf("%s: held %t, want %t", session, ok, want)
		}
	}
	x.begin()
	x.keep(func(s string) bool { return s == "running" })
	if _, ok := x.held[shares("named since", "n2", 0)]; ok {
		t.Error("a parcel of no session survives two looks")
	}
}

func TestOneSenderCannotFillTheMemoryOfAll(t *testing.T) {
	t.Parallel()
	x := newExchange()
	// Parcels may share their bytes here: what is counted is their length.
	large := make([]byte, maxParcel)
	stored := 0
	for batch := range 1000 {
		if err := x.put(shares("s", "n2", batch), large); err != nil {
			if !errors.Is(err, errHeldTooMuch) {
				t.Fatal(err)
			}
			break
		}
		stored++
	}
	if stored > 2*maxQueries || stored < 2*maxQueries-1 {
		t.Errorf("one sender stores %d full batches", stored)
	}
	if err := x.put(shares("s", "n3", 0), large); err != nil {
		t.Errorf("another one cannot: %v", err)
	}
	// Empty ones take memory too.
	x = newExchange()
	for batch := 0; ; batch++ {
		if err := x.put(shares("s", "n2", batch), nil); err != nil {
			break
		}
		if batch > maxHeldOf/parcelOverhead {
			t.Fatal("empty parcels are not counted")
		}
	}
}

// The sizes agree with what is held, whatever is done in whatever order.
func TestHeldBytesAreCountedRight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := newExchange()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			p := shares(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "session"),
				rapid.SampledFrom([]string{"n1", "n2"}).Draw(t, "from"), rapid.IntRange(0, 2).Draw(t, "batch"))
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				if err := x.put(p, make([]byte, rapid.IntRange(0, 9).Draw(t, "size"))); err != nil {
					t.Fatal(err)
				}
			case 2:
				x.release(p)
			case 3:
				x.begin()
			case 4:
				x.keep(func(s string) bool { return s == "a" })
			}
			total, of := 0, map[string]int{}
			for p, h := range x.held {
				total += len(h.content) + parcelOverhead
				of[p.from] += len(h.content) + parcelOverhead
			}
			if x.size != total || len(of) != len(x.sizeOf) || of["n1"] != x.sizeOf["n1"] || of["n2"] != x.sizeOf["n2"] {
				t.Fatalf("counted %d and %v, held %d and %v", x.size, x.sizeOf, total, of)
			}
		}
	})
}

func FuzzUnpackParts(f *testing.F) {
	f.Add(packParts([][]byte{{1, 2}, nil, {3}}), 3)
	f.Add([]byte{255, 255, 255, 255}, 1)
	f.Add([]byte{0, 0, 0}, 0)
	f.Fuzz(func(t *testing.T, b []byte, want int) {
		if want < 0 || want > batchSize {
			return
		}
		parts, err := unpackParts(b, want)
		if err != nil {
			return
		}
		if len(parts) != want {
			t.Fatalf("%d parts, want %d", len(parts), want)
		}
		if again := packParts(parts); !bytes.Equal(again, b) {
			t.Fatalf("%x encodes to %x", b, again)
		}
	})
}
