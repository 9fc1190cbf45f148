package dev

import (
	"fmt"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client/vector"
)

// A node killed with SIGKILL in the middle of a private query, whichever it is, does
// not change the answer: another active set gives it, with the shares of the vector
// that it holds. Nothing is registered or uploaded again.
func TestPrivateQuerySurvivesTheDeathOfAnyNode(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	bureau, buyer := connect(t, c, Bureau), connect(t, c, Buyer)
	reg, truth := publishPlants(ctx, t, bureau, plants)
	grant(ctx, t, buyer, bureau, "plants")
	selector := make([]uint64, plants)
	for e := range selector {
		selector[e] = uint64(b2i(e%3 == 0))
	}
	if _, err := vector.Register(ctx, buyer, vector.Plan{Name: "mine", Registry: reg, Values: selector, Pieces: 1, By: []string{"county"}}, nil); err != nil {
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
	plain := map[string]string{}
	for key, sum := range want {
		plain[key] = sum.FloatString(1)
	}
	for turn, role := range []string{"root", "member"} {
		t.Run(role, func(t *testing.T) {
			hit(ctx, t, c, buyer, killMember(t, c, role), func(try int) int {
				// All counties meet the condition: an answer that was given is sealed again.
				sql := fmt.Sprintf("SELECT county, date_trunc('month', period) AS month, SUM(co2) FROM plants "+
					"WHERE plant IN PRIVATE(mine) AND county > '!%d' GROUP BY county, month", turn*mostTries+try)
				rows, q, err := answer(ctx, buyer, sql, nil)
				if err != nil {
					t.Fatalf("with a node killed: %v", err)
				}
				got := map[string]string{}
				for _, row := range rows[1:] {
					got[row[0]+" "+row[1]] = row[2]
				}
				if d := cmp.Diff(plain, got); d != "" {
					t.Errorf("with a node killed: (-plaintext +answer)\n%s", d)
				}
				return len(q.Attempts)
			})
		})
	}
	vectors, err := vector.All(ctx, buyer)
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
