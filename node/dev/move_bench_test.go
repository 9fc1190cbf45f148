package dev

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/vector"
)

// moved is how many vectors BenchmarkMoves moves.
const moved = 50

// BenchmarkMoves has fifty selectors over 25,000 entities shared anew by three processes, and
// waits until the old shares are erased.
func BenchmarkMoves(b *testing.B) {
	ctx := testContext(b)
	c := start(ctx, b, b.TempDir())
	bureau, buyer, operator := connect(b, c, Bureau), connect(b, c, Buyer), connect(b, c, Operator)
	reg, _ := publishPlants(ctx, b, bureau, plants)
	registerSelectors(ctx, b, buyer, reg, moved)
	before := map[string]uint64{}
	for b.Loop() {
		if err := govern.RefreshVectors(ctx, operator); err != nil {
			b.Fatal(err)
		}
		for left := moved; left > 0; {
			if err := client.Pause(ctx, 50*time.Millisecond); err != nil {
				b.Fatal(err)
			}
			list, err := client.Vectors.All(ctx, buyer)
			if err != nil {
				b.Fatal(err)
			}
			left = moved
			for _, v := range list {
				if v.Moving == 0 && v.InForce().Move > before[v.ID] {
					left--
				}
			}
			if left == 0 {
				for _, v := range list {
					before[v.ID] = v.InForce().Move
				}
			}
		}
	}
	b.ReportMetric(moved*float64(b.N)/b.Elapsed().Seconds(), "vectors/s")
	b.ReportMetric(0, "ns/op")
}

// registerSelectors registers private selectors over all of a registry.
func registerSelectors(ctx context.Context, tb testing.TB, buyer *client.Client, reg catalog.Registry, vectors int) {
	tb.Helper()
	r := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // a benchmark's portfolios
	for i := range vectors {
		values := make([]uint64, reg.Rows)
		for e := range values {
			values[e] = uint64(r.IntN(2)) //nolint:gosec // small
		}
		if _, err := vector.Register(ctx, buyer, vector.Plan{Name: fmt.Sprintf("v%d", i), Registry: reg, Values: values, Bits: 1, Pieces: 1}, nil); err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkReplacement has another machine put into a seat of a 2-of-3 that holds the keys of publishers and
// selectors over 25,000 entities, and waits until it has its share of every key and of every selector: 3 keys and 40
// selectors, or, with WEIR_LONG set, 100 and 1,000. Reported is how long the keys took, and how long everything
// did, from the loss of the machine on.
func BenchmarkReplacement(b *testing.B) {
	publishers, owners, each := 3, 2, 20
	if longrun.Wanted() {
		publishers, owners, each = 100, 5, 200
	}
	ctx := testContext(b)
	c := start(ctx, b, b.TempDir())
	bureau, operator := connect(b, c, Bureau), connect(b, c, Operator)
	reg, _ := publishPlants(ctx, b, bureau, plants)
	admitted := func(role catalog.Role, i int) *client.Client {
		k, err := client.NewKey(fmt.Sprintf("%s %d", role, i))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := govern.AddPrincipal(ctx, operator, k.Public(), role); err != nil {
			b.Fatal(err)
		}
		cl, err := client.New(c.Profile(), k, client.Options{Patience: forBusyMachines, RequestTimeout: forBusyMachines + time.Minute})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(cl.Close)
		return cl
	}
	began := time.Now()
	keys := []catalog.Key{publisherKey(ctx, b, operator, bureau.Key().ID())}
	for i := 1; i < publishers; i++ {
		id := admitted(catalog.RolePublisher, i).Key().ID()
		if _, err := operator.ReadyKey(ctx, id); err != nil {
			b.Fatal(err)
		}
		keys = append(keys, publisherKey(ctx, b, operator, id))
	}
	b.Logf("%d keys made in %s", publishers, time.Since(began).Round(time.Second))
	began = time.Now()
	var buyers []*client.Client
	for i := range owners {
		buyers = append(buyers, admitted(catalog.RoleBuyer, i))
		registerSelectors(ctx, b, buyers[i], reg, each)
	}
	b.Logf("%d selectors registered in %s", owners*each, time.Since(began).Round(time.Second))

	epoch := func(k catalog.Key) uint64 { return k.Sharing.Epoch }
	moves := make([]uint64, owners) // of each owner's selectors, before
	b.ResetTimer()
	var ofKeys time.Duration
	for range b.N {
		began := time.Now()
		if err := c.Replace(ctx, "n3"); err != nil {
			b.Fatal(err)
		}
		if err := c.StartNode("n3"); err != nil {
			b.Fatal(err)
		}
		poll := func(done func() bool) {
			for !done() {
				if err := client.Pause(ctx, 200*time.Millisecond); err != nil {
					b.Fatal(err)
				}
			}
		}
		for i, before := range keys {
			poll(func() bool {
				now := publisherKey(ctx, b, operator, before.Publisher)
				done := epoch(now) > epoch(before) && now.Refresh == nil && now.Retired == nil && len(now.Lacks) == 0
				if done {
					keys[i] = now
				}
				return done
			})
		}
		ofKeys += time.Since(began)
		for i, buyer := range buyers {
			poll(func() bool {
				list, err := client.Vectors.All(ctx, buyer)
				if err != nil {
					b.Fatal(err)
				}
				least := moves[i]
				for at, v := range list {
					if v.Moving != 0 || v.InForce().Move <= moves[i] {
						return false
					}
					if at == 0 || v.InForce().Move < least {
						least = v.InForce().Move
					}
				}
				moves[i] = least
				return true
			})
		}
	}
	b.StopTimer()
	b.ReportMetric(ofKeys.Seconds()/float64(b.N), "s/keys")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/machine")
	b.ReportMetric(float64(owners*each*b.N)/b.Elapsed().Seconds(), "vectors/s")
	b.ReportMetric(0, "ns/op")
}

func publisherKey(ctx context.Context, tb testing.TB, c *client.Client, publisher string) catalog.Key {
	tb.Helper()
	k, err := c.PublisherKey(ctx, publisher)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}
