package he

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/checked"
)

// checkedOpening opens an accumulator under every set of t of the first members, each with a root by
// turns, and returns what a buyer adds up of the shares: one number, and nil where the parity fails.
// lie changes a member's shares.
func (c *cluster) checkedOpening(t *testing.T, acc *Accumulator, members int, attempt int, lie func(set []int, member int, share []uint64)) [][]uint64 {
	t.Helper()
	in := c.p.in
	slotMap := make([]int32, in.n)
	slotMap[in.n-1] = -1
	var answers [][]uint64
	named := catalog.Attempt{SetOf: c.p.Threshold()}
	for point := 1; point <= members; point++ {
		named.Active = append(named.Active, strconv.Itoa(point))
	}
	for _, set := range checked.SetsOf(named) {
		points := make([]int, len(set.Members))
		for i, id := range set.Members {
			points[i] = must[int](t)(strconv.Atoi(id))
		}
		o := c.opening(t, acc, points, must[int](t)(strconv.Atoi(set.Root)))
		o.Attempt = attempt
		sum := make([]uint64, 2) // of all slots, and the parity
		for point, slots := range c.open(t, o, acc) {
			share := []uint64{0, must[uint64](t)(c.p.Parity(slots))}
			if _, err := c.p.Fold(slots, slotMap, share[:1]); err != nil {
				t.Fatal(err)
			}
			lie(points, point, share)
			if err := c.p.AddMod(sum, share); err != nil {
				t.Fatal(err)
			}
		}
		if sum[1] != 0 {
			answers = append(answers, nil)
		} else {
			answers = append(answers, sum[:1])
		}
	}
	return answers
}

// summedCluster is a cluster with an accumulator of one tile, and the sum of its readings.
func summedCluster(t *testing.T, nodes, threshold int, rng *rand.Rand) (c *cluster, acc *Accumulator, total int64) {
	t.Helper()
	c = newCluster(t, small(t, nodes, threshold))
	values := readings(rng, c.p.Values(), 30)
	for _, v := range values {
		total += v
	}
	return c, c.accumulate(t, c.encrypt(t, values)...), total
}

// TestCheckedAnswersFindALyingMember: 100 runs for each roster, the liar in every position by turns. It
// adds to its share in all sets that it is in, the same or not, or in those with one other member alone, or it
// spoils the parity. Of t+1 members a lie is always noticed; of t+2 the right figure is told too, and
// the liar is the only suspect unless it lied only where another member was.
func TestCheckedAnswersFindALyingMember(t *testing.T) {
	for _, x := range []struct{ nodes, threshold, members int }{{3, 2, 3}, {4, 2, 4}, {5, 3, 5}} {
		t.Run(fmt.Sprintf("%d-of-%d", x.threshold, x.nodes), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(11, uint64(x.nodes))) //nolint:gosec // small
			c, acc, total := summedCluster(t, x.nodes, x.threshold, rng)
			named := 0
			for run := range 100 {
				liar := 1 + run%x.members
				kind := run / x.members % 4
				partner := 1 + liar%x.members
				var wrong [][]int
				add := 1 + rng.Uint64N(1<<40)
				answers := c.checkedOpening(t, acc, x.members, run, func(set []int, member int, share []uint64) {
					if member != liar || kind == 3 && !slices.Contains(set, partner) {
						return
					}
					wrong = append(wrong, set)
					switch kind {
					case 1: // another lie in each set
						share[0] += rng.Uint64N(1<<40) + 1
					case 2: // one that the parity shows
						share[1] += add
						share[1] %= c.p.T()
					default:
						share[0] += add
					}
					share[0] %= c.p.T()
				})
				got := checked.Compare(x.members, x.threshold, answers)
				if len(got.Suspects) == 0 || !slices.Contains(got.Suspects, liar-1) {
					t.Fatalf("run %d: the lie of %d in %v is not noticed, or put on %v", run, liar, wrong, got.Suspects)
				}
				if x.members == x.threshold+1 {
					if got.Answer != nil {
						t.Fatalf("run %d: a figure is told of answers that differ", run)
					}
					continue
				}
				if got.Answer == nil || c.p.Centre(got.Answer[0]) != total {
					t.Fatalf("run %d: told is %v, right is %d", run, got.Answer, total)
				}
				if len(got.Suspects) == 1 {
					named++
				} else if kind != 3 {
					t.Fatalf("run %d: suspects are %v", run, got.Suspects)
				}
			}
			t.Logf("named in %d of 100 runs", named)
			honest := c.checkedOpening(t, acc, x.members, 100, func([]int, int, []uint64) {})
			if got := checked.Compare(x.members, x.threshold, honest); got.Suspects != nil || got.Answer == nil || c.p.Centre(got.Answer[0]) != total {
				t.Fatalf("nobody lies: %+v", got)
			}
		})
	}
}

// TestALiarThatShiftsItsShareAlwaysIsNamed: in each of 100 runs the right figure is told and the liar alone suspected.
func TestALiarThatShiftsItsShareAlwaysIsNamed(t *testing.T) {
	for _, x := range []struct{ nodes, threshold int }{{4, 2}, {5, 3}} {
		t.Run(fmt.Sprintf("%d-of-%d", x.threshold, x.nodes), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(12, uint64(x.nodes))) //nolint:gosec // small
			c, acc, total := summedCluster(t, x.nodes, x.threshold, rng)
			for run := range 100 {
				liar, add := 1+run%x.nodes, 1+rng.Uint64N(1<<40)
				answers := c.checkedOpening(t, acc, x.nodes, run, func(_ []int, member int, share []uint64) {
					if member == liar {
						share[0] = (share[0] + add) % c.p.T()
					}
				})
				got := checked.Compare(x.nodes, x.threshold, answers)
				if !slices.Equal(got.Suspects, []int{liar - 1}) || c.p.Centre(got.Answer[0]) != total {
					t.Fatalf("run %d: of the lie of %d came %+v, right is %d", run, liar, got, total)
				}
			}
		})
	}
}
