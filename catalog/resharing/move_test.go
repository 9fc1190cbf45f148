package resharing

import (
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/puritytest"
)

func TestImportsArePure(t *testing.T) {
	puritytest.Imports(t, "cmp", "crypto/sha256", "slices", "github.com/weirdata/weir/catalog", "github.com/weirdata/weir/catalog/polynomial")
}

// A move needs the new roster and whoever of the old one is not in it, each once.
func TestMembersAreOfBothRosters(t *testing.T) {
	m := Move{From: []string{"a", "", "c"}, To: []string{"c", "d"}, State: Dealing, Dealers: []int{1, 3}, Deals: make([][]catalog.Digest, 2)}
	if got := m.Members(); !slices.Equal(got, []string{"c", "d", "a"}) {
		t.Errorf("members %v", got)
	}
	if got := m.Waits(); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("waits for the dealers %v", got)
	}
	m.State, m.Nonces = Storing, [][]byte{nil, {1}, nil}
	if got := m.Waits(); !slices.Equal(got, []string{"c", "a"}) {
		t.Errorf("waits for %v", got)
	}
}

// What is committed to is the reference and every digest.
func TestCommitmentDependsOnEveryDealing(t *testing.T) {
	m := Move{Reference: catalog.Digest{1}, Deals: [][]catalog.Digest{{{2}, {3}}, {{4}, {5}}}}
	seen := map[catalog.Digest]bool{m.Commitment(): true}
	m.Reference[0]++
	seen[m.Commitment()] = true
	for i := range m.Deals {
		for j := range m.Deals[i] {
			m.Deals[i][j][1]++
			seen[m.Commitment()] = true
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d commitments of 6 moves", len(seen))
	}
}
