package ratelimit

import (
	"errors"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
	"pgregory.net/rapid"
)

// Whatever is sent when, what is recorded of one principal in any time is at most a burst
// and what comes back in that time; and whoever is told to wait gets through after it.
func TestActsAreBoundedOverEveryTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		burst := rapid.IntRange(RefusedUnits, 200).Draw(t, "burst")
		a := New(burst)
		start := time.Unix(1_700_000_000, 0)
		now := start
		var spent int64
		for range rapid.IntRange(1, 300).Draw(t, "acts") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*actEvery)).Draw(t, "pause")))
			e := catalog.Envelope{Signer: "p-1", Payload: make([]byte, rapid.IntRange(0, 3*actBytes).Draw(t, "bytes"))}
			err := a.Take(e, now)
			if busy := (*api.BusyError)(nil); errors.As(err, &busy) {
				if busy.Wait <= 0 {
					t.Fatalf("told to wait for %s", busy.Wait)
				}
				now = now.Add(busy.Wait)
				err = a.Take(e, now)
			}
			if err != nil {
				t.Fatalf("after the wait: %v", err)
			}
			spent += unitsOf(e)
			if rapid.Bool().Draw(t, "refused") {
				a.Refused(e, now)
				spent += RefusedUnits - 1
			}
			// One act that turns out refused may go over.
			if most := int64(burst) + RefusedUnits + int64(now.Sub(start)/actEvery); spent > most {
				t.Fatalf("%d units in %s, at most %d may be", spent, now.Sub(start), most)
			}
		}
		if u := a.usedAt("p-1", now.Add(time.Duration(burst+RefusedUnits)*actEvery)); u.units != 0 || len(a.used) != 0 {
			t.Fatalf("%d units have not come back in time", u.units)
		}
	})
}

func TestNodesAndOthersDoNotPayForAnAct(t *testing.T) {
	a, now := New(RefusedUnits), time.Unix(1_700_000_000, 0)
	for range 100 {
		e := catalog.Envelope{Signer: catalog.NodeSigner("n1")}
		if err := a.Take(e, now); err != nil {
			t.Fatal(err)
		}
		a.Refused(e, now)
	}
	mine := catalog.Envelope{Signer: "p-1"}
	if err := a.Take(mine, now); err != nil {
		t.Fatal(err)
	}
	a.Refused(mine, now)
	if err := a.Take(mine, now); err == nil {
		t.Error("a second refused act within a burst of one")
	}
	if err := a.Take(catalog.Envelope{Signer: "p-2"}, now); err != nil {
		t.Errorf("another pays: %v", err)
	}
	// A clock that was set back gives nothing and takes nothing for ever.
	if err := a.Take(mine, now.Add(-time.Hour)); err == nil {
		t.Error("a clock that was set back gives units")
	}
	if err := a.Take(mine, now.Add(-time.Hour+RefusedUnits*actEvery)); err != nil {
		t.Errorf("after a clock was set back nothing comes back: %v", err)
	}
}
