package dev

import (
	"fmt"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// A node killed with SIGKILL in the middle of a private query, whichever it is, does
// not change the answer: another active set gives it, with the shares of the vector
// that it holds. Nothing is registered or uploaded again.
func TestPrivateQuerySurvivesTheDeathOfAnyNode(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	bureau, buyer := connect(t, c, Bureau), connect(t, c, Buyer)
	reg, truth := publishPlants(ctx, t, bureau)
	grant(ctx, t, buyer, bureau, "plants")
	selector := make([]uint64, plants)
	for e := range selector {
		selector[e] = uint64(b2i(e%3 == 0))
	}
	if _, err := buyer.RegisterVector(ctx, client.VectorPlan{Name: "mine", Registry: reg, Values: selector, Bits: 1}, nil); err != nil {
		t.Fatal(err)
	}
	want := map[string]*big.Rat{}
	for e := range selector {
		for m := range plantMonths {
			key := fmt.Sprintf("c%02d 2024-%02d", e%11, m+1)
			if want[key] == nil {
				want[key] = new(big.Rat)
			}
			if selector[e] == 1 {
				want[key].Add(want[key], big.NewRat(truth[e*plantMonths+m], 10))
			}
		}
	}
	// Each turn asks for other columns: an answer that was given is sealed again.
	for i, role := range []string{"root", "member"} {
		t.Run(role, func(t *testing.T) {
			killed := make(chan string, 1)
			go func() { killed <- killMember(ctx, t, c, buyer, role) }()
			sql := "SELECT county, date_trunc('month', period) AS month, SUM(co2)" + []string{"", ", COUNT(co2)"}[i] +
				" FROM plants WHERE plant IN PRIVATE(mine) GROUP BY county, month"
			rows, q, err := answer(ctx, buyer, sql, nil)
			id := <-killed
			if err != nil {
				t.Fatalf("%s killed: %v", id, err)
			}
			got := map[string]string{}
			for _, row := range rows[1:] {
				got[row[0]+" "+row[1]] = row[2]
			}
			plain := map[string]string{}
			for key, sum := range want {
				plain[key] = sum.FloatString(1)
			}
			if d := cmp.Diff(plain, got); d != "" {
				t.Errorf("%s killed: (-plaintext +answer)\n%s", id, d)
			}
			t.Logf("killed %s; %d attempts", id, len(q.Attempts))
			if len(q.Attempts) < 2 {
				t.Error("the kill did not hit the query while it was being answered")
			}
			if err := c.StartNode(id); err != nil {
				t.Fatal(err)
			}
			if err := c.AwaitReady(ctx); err != nil {
				t.Fatal(err)
			}
		})
	}
	vectors, err := buyer.Vectors(ctx)
	if err != nil || len(vectors) != 1 || vectors[0].State != catalog.VectorReady {
		t.Errorf("the buyer has the vectors %+v, %v; want the one it registered", vectors, err)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
