package cosign

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/compare"
)

// world are nodes n1 to n5, of which n1 asks, n4 leads, and three have to sign.
type world struct {
	Others
	keys map[string]ed25519.PrivateKey
	// does is what a node does that is asked; it signs where there is nothing.
	does map[string]func(ctx context.Context, out *Answer) error

	mu    sync.Mutex
	asked []string
}

var point = evidence.Checkpoint{Origin: "weir", Size: 7, Root: evidence.Hash{7}}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{keys: map[string]ed25519.PrivateKey{}, does: map[string]func(context.Context, *Answer) error{}}
	w.Origin, w.Self, w.Log = point.Origin, "n1", slog.New(slog.DiscardHandler)
	w.Members.Threshold = 3
	for i := range 5 {
		id := fmt.Sprintf("n%d", i+1)
		w.keys[id] = ed25519.NewKeyFromSeed([]byte(strings.Repeat(id, 16)))
		w.Members.Nodes = append(w.Members.Nodes, catalog.Node{ID: id, Key: w.keys[id].Public().(ed25519.PublicKey)}) //nolint:errcheck,forcetypeassert // it is one
	}
	w.Alive = func(id string) bool { return id != "n5" }
	w.Leader = func() (string, bool) { return "n4", true }
	w.Call = func(ctx context.Context, node string, _ compare.Head, out *Answer) error {
		w.mu.Lock()
		w.asked = append(w.asked, node)
		w.mu.Unlock()
		if do := w.does[node]; do != nil {
			return do(ctx, out)
		}
		return w.sign(node, out)
	}
	return w
}

func (w *world) sign(node string, out *Answer) (err error) {
	out.Lines, err = evidence.SignCheckpoint(w.keys[node], node, point, time.Unix(1_800_000_000, 0))
	return err
}

// ask asks once and returns who was asked, in order.
func (w *world) ask(t *testing.T) (Votes, []string) {
	t.Helper()
	w.asked = nil
	v := w.Ask(t.Context(), point)
	return v, w.asked
}

func hangs(ctx context.Context, _ *Answer) error { <-ctx.Done(); return ctx.Err() }

// No more nodes are asked than have to sign, the one that leads among them, and the others take turns; none that is down.
func TestAsManyAreAskedAsHaveToSign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		besides := map[string]int{}
		for range 6 {
			v, asked := w.ask(t)
			if len(asked) != 2 || len(v.Lines) != 2 || v.Lines["n4"] == nil {
				t.Fatalf("asked %v, signed %v", asked, v)
			}
			for _, id := range asked {
				besides[id]++
			}
			if w.Assemble(point, v.Lines) != nil {
				t.Fatal("two signatures are enough for three")
			}
			var own Answer
			if err := w.sign("n1", &own); err != nil {
				t.Fatal(err)
			}
			v.Lines["n1"] = own.Lines
			trust := evidence.Trust{Origin: w.Origin, Threshold: 3}
			for _, m := range w.Members.Nodes {
				trust.Nodes = append(trust.Nodes, evidence.Node{ID: m.ID, Key: m.Key})
			}
			if _, err := trust.Open(w.Assemble(point, v.Lines), 3); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(map[string]int{"n4": 6, "n2": 3, "n3": 3}, besides); d != "" {
			t.Errorf("(-want +asked)\n%s", d)
		}
	})
}

// For one that fails, has signed more, or whose signature does not hold, another is asked; for one that hangs, after a while,
// and it is not waited for once enough have signed.
func TestAnotherIsAskedInThePlaceOfOneThatDoesNotSign(t *testing.T) {
	for what, does := range map[string]func(ctx context.Context, out *Answer) error{
		"is away":         func(context.Context, *Answer) error { return errors.New("away") },
		"has signed more": func(_ context.Context, out *Answer) error { out.Passed = 9; return nil },
		"signs badly":     func(_ context.Context, out *Answer) error { out.Lines = []byte("— n4 xxxx\n"); return nil },
		"hangs":           hangs,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.does["n4"] = does
			begin := time.Now()
			v, asked := w.ask(t)
			if len(asked) != 3 || len(v.Lines) != 2 || v.Lines["n4"] != nil {
				t.Errorf("%s: asked %v, signed %v", what, asked, v)
			}
			if took := time.Since(begin); took > spareAfter {
				t.Errorf("%s: it took %s", what, took)
			}
			if v.Passed > 0 != (what == "has signed more") {
				t.Errorf("%s: passed %d", what, v.Passed)
			}
		})
	}
}

// Where too few sign, all were asked, and it is told who did not and who has another root.
func TestWhoDidNotSignIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.does["n2"] = func(context.Context, *Answer) error { return errors.New("its disk is full") }
		w.does["n4"] = hangs
		v, asked := w.ask(t)
		err := w.TooFew(v, point)
		if len(asked) != 3 || !errors.Is(err, api.ErrTooFew) {
			t.Fatalf("asked %v: %v", asked, err)
		}
		for _, want := range []string{"3 nodes must sign a checkpoint, 1 did", "n2 (its disk is full)", "n4 (", "n5 (does not answer)"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not say %q", err, want)
			}
		}
		w.does["n3"] = func(_ context.Context, out *Answer) error { out.Root = catalog.Digest{1}; return nil }
		v, _ = w.ask(t)
		if err := w.TooFew(v, point); !errors.Is(err, api.ErrForked) || !strings.Contains(err.Error(), "n3 (root 01") {
			t.Errorf("got %v", err)
		}
	})
}
