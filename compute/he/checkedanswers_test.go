package he

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
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
	for k, set := range openingSets(members, c.p.Threshold()) {
		points := make([]int, len(set))
		for i, at := range set {
			points[i] = at + 1
		}
		o := c.opening(t, acc, points, points[k%len(points)])
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

// TestCheckedAnswersFindALyingMember: 100 runs for each roster, the liar in every position by turns. It
// adds to its share in all sets that it is in, the same or not, or in those with one other member alone, or it
// spoils the parity. Of t+1 members a lie is always noticed; of t+2 the right figure is told too, and
// the liar is the only suspect unless it lied only where another member was.
func TestCheckedAnswersFindALyingMember(t *testing.T) {
	for _, x := range []struct{ nodes, threshold, members int }{{3, 2, 3}, {4, 2, 4}, {5, 3, 5}} {
		t.Run(fmt.Sprintf("%d-of-%d", x.threshold, x.nodes), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, small(t, x.nodes, x.threshold))
			rng := rand.New(rand.NewPCG(11, uint64(x.nodes))) //nolint:gosec // small
			values := readings(rng, c.p.Values(), 30)
			var total int64
			for _, v := range values {
				total += v
			}
			acc := c.accumulate(t, c.encrypt(t, values)...)
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
				got := compareAnswers(x.members, x.threshold, answers)
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
			if got := compareAnswers(x.members, x.threshold, honest); got.Suspects != nil || got.Answer == nil || c.p.Centre(got.Answer[0]) != total {
				t.Fatalf("nobody lies: %+v", got)
			}
		})
	}
}

// openingSets are all sets of t of the points 0 … n−1, each ascending, in the order of their members:
// those that a checked answer is opened under.
func openingSets(n, t int) [][]int {
	if t < 1 || t > n {
		return nil
	}
	var sets [][]int
	set := make([]int, t)
	for i := range set {
		set[i] = i
	}
	for {
		sets = append(sets, slices.Clone(set))
		i := t - 1
		for i >= 0 && set[i] == n-t+i {
			i--
		}
		if i < 0 {
			return sets
		}
		set[i]++
		for j := i + 1; j < t; j++ {
			set[j] = set[j-1] + 1
		}
	}
}

// compared is what comes of the answers of openingSets.
type compared struct {
	// Answer is the one that holds if at most one member has lied; nil where the answers do not say
	// which that is.
	Answer []uint64
	// Suspects are the members one of whom must have lied; none where all answers are the same.
	// One alone is named.
	Suspects []int
}

// compareAnswers compares the answers of openingSets(n, t), in their order; nil is one that is none, as its
// parity fails. If one member at most has lied, a difference is always noticed; with n ≥ t+2 Answer is
// right, and whoever lied is among Suspects, alone unless all wrong sets have another member in common.
// With more liars nothing of it is said.
func compareAnswers(n, t int, answers [][]uint64) compared {
	sets := openingSets(n, t)
	var out compared
	if len(sets) == 0 || len(answers) != len(sets) {
		return out
	}
	// What the sets without a member say, if they say one thing.
	without := func(member int) (said []uint64, one bool) {
		for i, set := range sets {
			switch {
			case slices.Contains(set, member):
			case answers[i] == nil || said != nil && !slices.Equal(said, answers[i]):
				return nil, false
			default:
				said = answers[i]
			}
		}
		return said, said != nil
	}
	if all, one := without(-1); one {
		out.Answer = all
		return out
	}
	for member := range n {
		said, one := without(member)
		if !one {
			continue
		}
		if out.Suspects = append(out.Suspects, member); n > t+1 {
			out.Answer = said
		}
	}
	return out
}

func TestOpeningSetsAreAllSetsInOrder(t *testing.T) {
	got := openingSets(4, 2)
	want := [][]int{{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}
	if !slices.EqualFunc(got, want, slices.Equal[[]int]) {
		t.Errorf("sets are %v", got)
	}
	for _, x := range [][3]int{{3, 2, 3}, {5, 3, 10}, {10, 8, 45}, {2, 2, 1}, {1, 2, 0}, {3, 0, 0}} {
		if n := len(openingSets(x[0], x[1])); n != x[2] {
			t.Errorf("%d of %d: %d sets", x[1], x[0], n)
		}
	}
}

// TestALieWhereAnotherMemberIsIsOutvotedAndNotNamed: of members 0 and 1 nobody can say who lied.
func TestALieWhereAnotherMemberIsIsOutvotedAndNotNamed(t *testing.T) {
	right, wrong := []uint64{5}, []uint64{6}
	got := compareAnswers(4, 2, [][]uint64{wrong, right, right, right, right, right})
	if !slices.Equal(got.Answer, right) || !slices.Equal(got.Suspects, []int{0, 1}) {
		t.Errorf("compared: %+v", got)
	}
	if got := compareAnswers(4, 2, [][]uint64{right}); got.Answer != nil || got.Suspects != nil {
		t.Errorf("answers are missing: %+v", got)
	}
}
