package pcaf_test

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/compute/pcaf"
)

func rats(list ...int64) []*big.Rat {
	var out []*big.Rat
	for _, x := range list {
		out = append(out, big.NewRat(x, 1000))
	}
	return out
}

// As many pieces as factors: what is attributed is exact then.
func TestFewFactorsHaveTheirOwnPieces(t *testing.T) {
	pieces, of := pcaf.NewOrder(rats(500, 100, 500, 250)).Pieces(3, 1)
	if !slices.Equal(of, []int{2, 0, 2, 1}) || len(pieces) != 3 {
		t.Fatalf("%v in %d pieces", of, len(pieces))
	}
	for i, want := range []*big.Rat{big.NewRat(1, 10), big.NewRat(1, 4), big.NewRat(1, 2)} {
		if p := pieces[i]; !p.Uniform() || p.Mean().Cmp(want) != 0 || p.Borrowers != []int{1, 1, 2}[i] {
			t.Errorf("piece %d: %+v", i, p)
		}
	}
	if pieces, of = pcaf.NewOrder(nil).Pieces(16, 3); len(pieces)+len(of) > 0 {
		t.Errorf("pieces of nothing: %v, %v", pieces, of)
	}
}

// The pieces are ascending, hold everybody, and no other cuts leave less distance from the
// medians: tried are all of them.
func TestPiecesAreThoseOfLeastDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Int64Range(0, 60), 1, 11).Draw(t, "factors")
		most := rapid.IntRange(1, 4).Draw(t, "pieces")
		fewest := rapid.IntRange(1, 3).Draw(t, "fewest")
		pieces, of := pcaf.NewOrder(rats(list...)).Pieces(most, fewest)
		if len(pieces) > most || len(of) != len(list) {
			t.Fatalf("%d pieces of %d factors, %d wanted", len(pieces), len(of), most)
		}
		members := make([][]int64, len(pieces))
		for i, p := range of {
			members[p] = append(members[p], list[i])
		}
		total := int64(0)
		for i, m := range members {
			slices.Sort(m)
			total += distance(m)
			sum := int64(0)
			for _, x := range m {
				sum += x
			}
			if p := pieces[i]; p.Borrowers != len(m) || p.Least.Cmp(big.NewRat(m[0], 1000)) != 0 || p.Most.Cmp(big.NewRat(m[len(m)-1], 1000)) != 0 ||
				p.Mean().Cmp(big.NewRat(sum, 1000*int64(len(m)))) != 0 {
				t.Fatalf("piece %d is %+v of %v", i, p, m)
			}
			if i > 0 && members[i-1][len(members[i-1])-1] >= m[0] {
				t.Fatalf("pieces do not ascend: %v", members)
			}
		}
		all := slices.Clone(list)
		slices.Sort(all)
		if best := least(all, most, fewest); len(slices.Compact(slices.Clone(all))) == len(all) && total != best {
			t.Fatalf("distance %d in %v, %d is possible", total, members, best)
		}
		for _, m := range members {
			if len(m) < fewest && len(members) > 1 && len(slices.Compact(slices.Clone(all))) == len(all) {
				t.Fatalf("%v in %v, want %d in each", m, members, fewest)
			}
		}
	})
}

func distance(sorted []int64) (sum int64) {
	for _, x := range sorted {
		d := x - sorted[len(sorted)/2]
		sum += max(d, -d)
	}
	return sum
}

// least is the least distance of all ways to cut.
func least(sorted []int64, pieces, fewest int) int64 {
	best := distance(sorted)
	if pieces == 1 {
		return best
	}
	for i := fewest; i <= len(sorted)-fewest; i++ {
		best = min(best, distance(sorted[:i])+least(sorted[i:], pieces-1, fewest))
	}
	return best
}
