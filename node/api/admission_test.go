package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/weirdata/weir/node/api/wire"
)

// onePlace is an admission with one place for reads and so many that wait.
func onePlace(queue int) *admission {
	var b [kinds]bounds
	b[kindRead] = bounds{places: 1, queue: queue, patience: time.Hour}
	return newAdmission(b, time.Now)
}

// arrive has a request wait for a place, and returns when it waits. It tells entered its
// caller when it has the place, and keeps it until it is told to go.
func arrive(t *testing.T, a *admission, caller string, anonymous bool, entered chan string, leave chan struct{}) {
	t.Helper()
	before := waitingIn(a)
	go func() {
		done, err := a.enter(t.Context(), kindRead, caller, anonymous, 0)
		if err != nil {
			entered <- err.Error()
			return
		}
		entered <- caller
		<-leave
		done()
	}()
	until(t, func() bool { return waitingIn(a) > before })
}

// until polls until a condition holds.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited in vain")
		}
	}
}

func waitingIn(a *admission) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.kinds[kindRead].known.waiting + a.kinds[kindRead].nobody.waiting
}

// One caller has five requests waiting, another two, and three are anonymous: callers take
// turns, and those who have not shown who they are come last, though not never.
func TestCallersTakeTurnsAndStrangersComeLast(t *testing.T) {
	a := onePlace(100)
	hold, err := a.enter(t.Context(), kindRead, "first", false, 0)
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan string), make(chan struct{})
	for _, caller := range []string{"bank", "bank", "bank", "bank", "bank"} {
		arrive(t, a, caller, false, entered, leave)
	}
	for range 3 {
		arrive(t, a, "stranger", true, entered, leave)
	}
	for range 2 {
		arrive(t, a, "insurer", false, entered, leave)
	}
	hold()
	var got []string
	for range 10 {
		got = append(got, <-entered)
		leave <- struct{}{}
	}
	want := []string{"bank", "insurer", "bank", "stranger", "insurer", "bank", "bank", "stranger", "bank", "stranger"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("let in were %v, want %v", got, want)
	}
}

// A full queue refuses at once, and says when to come back; a caller fills half of what is
// left of it, and strangers have half of what callers have.
func TestQueueIsBoundedAndSharedOut(t *testing.T) {
	a := onePlace(8)
	hold, err := a.enter(t.Context(), kindRead, "first", false, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer hold()
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error)
	begin := func(caller string, waiting int) {
		t.Helper()
		go func() { _, err := a.enter(ctx, kindRead, caller, false, 0); over <- err }()
		until(t, func() bool { return waitingIn(a) == waiting })
	}
	for i := range 4 {
		begin("bank", i+1)
	}
	_, err = a.enter(t.Context(), kindRead, "bank", false, 0)
	var p *wire.Problem
	if !errors.As(err, &p) || p.Status != http.StatusServiceUnavailable || p.Header.Get("Retry-After") == "" {
		t.Errorf("the bank has four waiting, and the next one is answered %v", err)
	}
	begin("insurer", 5)
	cancel()
	for range 5 {
		if err := <-over; !errors.Is(err, context.Canceled) {
			t.Errorf("a request whose caller has gone: %v", err)
		}
	}
	if n := waitingIn(a); n != 0 {
		t.Errorf("%d wait after all have gone", n)
	}
}

// Requests that take many bytes wait for those before them; one alone always has its place.
func TestBytesOfAKindAreBounded(t *testing.T) {
	var b [kinds]bounds
	b[kindBulk] = bounds{places: 10, queue: 10, patience: time.Millisecond, bytes: 100}
	a := newAdmission(b, time.Now)
	large, err := a.enter(t.Context(), kindBulk, "bank", false, 1000)
	if err != nil {
		t.Fatalf("one alone: %v", err)
	}
	if _, err := a.enter(t.Context(), kindBulk, "insurer", false, 1); err == nil {
		t.Error("a further one has a place")
	}
	large()
	var leaves []func()
	for range 4 {
		leave, err := a.enter(t.Context(), kindBulk, "bank", false, 25)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leave)
	}
	if _, err := a.enter(t.Context(), kindBulk, "bank", false, 1); err == nil {
		t.Error("more than the bytes of the kind")
	}
	for _, leave := range leaves {
		leave()
		leave() // once
	}
	if a.kinds[kindBulk].busy != 0 || a.kinds[kindBulk].taken != 0 {
		t.Errorf("%d places and %d bytes are taken", a.kinds[kindBulk].busy, a.kinds[kindBulk].taken)
	}
}

// Whether a node lives is answered whatever else waits.
func TestProbesNeverWait(t *testing.T) {
	a := onePlace(0)
	for range 100 {
		if _, err := a.enter(t.Context(), kindProbe, "x", true, 0); err != nil {
			t.Fatal(err)
		}
	}
}
