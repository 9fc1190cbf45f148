package attest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus/evidence"
)

// Former members forge no checkpoint, and a machine that was replaced is its seat's voice.
func TestCheckpointsHaveTheVoicesOfPresentSeats(t *testing.T) {
	key := func(name string) ed25519.PrivateKey {
		seed := sha256.Sum256([]byte(name))
		return ed25519.NewKeyFromSeed(seed[:])
	}
	node := func(id, machine string) catalog.Node {
		return catalog.Node{ID: id, Key: key(machine).Public().(ed25519.PublicKey)} //nolint:forcetypeassert // by definition
	}
	c := catalog.Cluster{ID: catalog.Sum([]byte("c")), Nodes: []catalog.Node{node("n1", "a"), node("n2", "b"), node("n3", "c")}}
	machines := append([]catalog.Node{node("n4", "d"), node("n5", "e"), node("n3", "former c")}, c.Nodes...)
	head := evidence.Checkpoint{Origin: evidence.Origin(c.ID.String()), Size: 9, Root: evidence.Hash{1}}
	sign := func(pairs ...string) string {
		var lines [][]byte
		for i := 0; i < len(pairs); i += 2 {
			l, err := evidence.SignCheckpoint(key(pairs[i+1]), pairs[i], head, time.Unix(1_790_000_000, 0))
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, l)
		}
		return string(evidence.Assemble(head, lines...))
	}
	for name, x := range map[string]struct {
		note string
		want int
	}{
		"two of three":             {sign("n1", "a", "n2", "b"), 2},
		"seats that were given up": {sign("n4", "d", "n5", "e"), 0},
		"a replaced machine":       {sign("n1", "a", "n3", "former c"), 2},
		"two machines of one seat": {sign("n3", "c", "n3", "former c"), 1},
		"another's key":            {sign("n1", "b", "n2", "a"), 0},
		"nothing":                  {"", 0},
	} {
		if got := CheckpointVoices(c, machines, 9, catalog.Digest{1}, x.note); got != x.want {
			t.Errorf("%s: %d voices, want %d", name, got, x.want)
		}
	}
	for i := range len(sign("n1", "a")) {
		b := []byte(sign("n1", "a"))
		b[i] ^= 1
		if n := CheckpointVoices(c, machines, 9, catalog.Digest{1}, string(b)); n > 1 {
			t.Fatalf("byte %d: %d voices", i, n)
		}
		if n := CheckpointVoices(c, machines, 8, catalog.Digest{1}, string(b)); n > 0 {
			t.Fatalf("of another size, byte %d: %d voices", i, n)
		}
	}
}
