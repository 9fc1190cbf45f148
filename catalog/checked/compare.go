package checked

import "slices"

// Compared is what comes of comparing the answers of an attempt's sets.
type Compared struct {
	// Answer is the one that holds if at most one member has lied; nil where the answers do not say
	// which that is.
	Answer []uint64
	// Suspects are the members one of whom must have lied, by their places in the attempt; none where all
	// answers are the same. One alone is named.
	Suspects []int
	// Agree is set where all answers are the same.
	Agree bool
}

// Compare compares the answers of the sets of t of so many members, in the order of SetsOf; nil is one that
// is none, as its parity fails or a share of it cannot be read. If one member at most has lied, a difference is
// always noticed; of t+2 members Answer is right, and whoever lied is among Suspects, alone unless all wrong sets
// have another member in common. With more liars nothing of it is said: there may be no suspect, and no answer.
func Compare(members, t int, answers [][]uint64) Compared {
	sets := indexes(members, t)
	var out Compared
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
		out.Answer, out.Agree = all, true
		return out
	}
	for member := range members {
		said, one := without(member)
		if !one {
			continue
		}
		if out.Suspects = append(out.Suspects, member); members > t+1 {
			out.Answer = said
		}
	}
	return out
}
