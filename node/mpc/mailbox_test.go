package mpc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func shares(session, from string, batch int) Message {
	return Message{Session: session, Kind: KindShares, Batch: batch, From: from}
}

func TestWaitingWorkGetsTheMessageThatArrivesLater(t *testing.T) {
	t.Parallel()
	x := NewMailbox()
	var wg sync.WaitGroup
	for batch := range 20 {
		wg.Go(func() {
			b, err := x.Wait(t.Context(), shares("s", "n2", batch))
			if err != nil || string(b) != fmt.Sprint(batch) {
				t.Errorf("batch %d: %q, %v", batch, b, err)
			}
		})
	}
	for batch := range 20 {
		if err := x.Put(shares("s", "n2", batch), []byte(fmt.Sprint(batch))); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Wait(ctx, shares("s", "n3", 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("from another sender: %v", err)
	}
}

// What was released does not come back: neither to a root that runs again, which
// must know that it cannot go on, nor into the memory.
func TestReleasedMessagesAreGoneForGood(t *testing.T) {
	t.Parallel()
	x := NewMailbox()
	p := shares("s", "n2", 0)
	for range 3 {
		if err := x.Put(p, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if x.size != 1000+overhead {
		t.Errorf("three of one name take %d bytes", x.size)
	}
	x.Release(p)
	if err := x.Put(p, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if x.size != overhead || x.sizeOf["n2"] != overhead {
		t.Errorf("a released message takes %d bytes", x.size)
	}
	if _, err := x.Wait(t.Context(), p); !errors.Is(err, errUsedUp) {
		t.Errorf("waiting for it: %v", err)
	}
	x.Release(shares("s", "n2", 1)) // was never there
	x.Begin()
	x.Keep(func(string) bool { return false })
	if x.size != 0 || len(x.held) != 0 || len(x.sizeOf) != 0 {
		t.Errorf("when the session is over %d bytes are left", x.size)
	}
}

// A look at the state drops what it knows to be over, and spares what arrived
// after the state was read.
func TestMessagesThatArriveDuringALookAreKept(t *testing.T) {
	t.Parallel()
	x := NewMailbox()
	put := func(session string) {
		t.Helper()
		if err := x.Put(shares(session, "n2", 0), []byte(session)); err != nil {
			t.Fatal(err)
		}
	}
	put("over")
	put("running")
	x.Begin()
	put("named since")
	x.Keep(func(s string) bool { return s == "running" })
	for session, want := range map[string]bool{"over": false, "running": true, "named since": true} {
		if _, ok := x.held[shares(session, "n2", 0)]; ok != want {
			t.Errorf("%s: held %t, want %t", session, ok, want)
		}
	}
	x.Begin()
	x.Keep(func(s string) bool { return s == "running" })
	if _, ok := x.held[shares("named since", "n2", 0)]; ok {
		t.Error("a message of no session survives two looks")
	}
}

func TestOneSenderCannotFillTheMemoryOfAll(t *testing.T) {
	t.Parallel()
	x := NewMailbox()
	// Messages may share their bytes here: what is counted is their length.
	large := make([]byte, MaxMessage)
	stored := 0
	for batch := range 1000 {
		if err := x.Put(shares("s", "n2", batch), large); err != nil {
			if !errors.Is(err, errHeldTooMuch) {
				t.Fatal(err)
			}
			break
		}
		stored++
	}
	if stored > 2*MaxQueries || stored < 2*MaxQueries-1 {
		t.Errorf("one sender stores %d full batches", stored)
	}
	if err := x.Put(shares("s", "n3", 0), large); err != nil {
		t.Errorf("another one cannot: %v", err)
	}
	// Empty ones take memory too.
	x = NewMailbox()
	for batch := 0; ; batch++ {
		if err := x.Put(shares("s", "n2", batch), nil); err != nil {
			break
		}
		if batch > maxHeldOf/overhead {
			t.Fatal("empty messages are not counted")
		}
	}
}

// The sizes agree with what is held, whatever is done in whatever order.
func TestHeldBytesAreCountedRight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := NewMailbox()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			p := shares(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "session"),
				rapid.SampledFrom([]string{"n1", "n2"}).Draw(t, "from"), rapid.IntRange(0, 2).Draw(t, "batch"))
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				if err := x.Put(p, make([]byte, rapid.IntRange(0, 9).Draw(t, "size"))); err != nil {
					t.Fatal(err)
				}
			case 2:
				x.Release(p)
			case 3:
				x.Begin()
			case 4:
				x.Keep(func(s string) bool { return s == "a" })
			}
			total, of := 0, map[string]int{}
			for p, h := range x.held {
				total += len(h.content) + overhead
				of[p.From] += len(h.content) + overhead
			}
			if x.size != total || len(of) != len(x.sizeOf) || of["n1"] != x.sizeOf["n1"] || of["n2"] != x.sizeOf["n2"] {
				t.Fatalf("counted %d and %v, held %d and %v", x.size, x.sizeOf, total, of)
			}
		}
	})
}
