package roster

import "github.com/weirdata/weir/catalog"

// TestSets are the n−t+1 sets of t Shamir points with which a ceremony tests a
// new key: {1…t}, {2…t+1}, …. Together they cover all nodes.
func TestSets(n, t int) [][]int {
	if t < 1 || t > n {
		return nil
	}
	sets := make([][]int, n-t+1)
	for i := range sets {
		sets[i] = make([]int, t)
		for j := range sets[i] {
			sets[i][j] = i + j + 1
		}
	}
	return sets
}

// NextKeyStart is what begins the next attempt of a publisher's key after the last one;
// zero: there was none.
func NextKeyStart(publisher string, last catalog.Key) catalog.KeyStart {
	if last.ID == "" {
		return catalog.KeyStart{Publisher: publisher, Key: catalog.KeyID(publisher), Epoch: 1, Attempt: 1}
	}
	return catalog.KeyStart{Publisher: publisher, Key: last.ID, Epoch: last.Epoch, Attempt: last.Attempt + 1}
}
