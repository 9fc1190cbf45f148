package mpc

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/node/vault"
)

// A move's erasure may come after the next move has stored its shares: those stay.
func TestWhatALaterMoveMadeIsNotErased(t *testing.T) {
	dir := t.TempDir()
	if err := vault.NewKeyFile(filepath.Join(dir, "key")); err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(filepath.Join(dir, "vault"), filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, name := range []string{"v-1", "v-1/5", "v-1/7", "v-1/9", "v-2"} {
		if err := v.Put(prefixSecretVector+name, []byte("share")); err != nil {
			t.Fatal(err)
		}
	}
	vs, err := newVectors(&member{Options: Options{Secrets: v}})
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := vs.eraseBefore(over, "v-1", 7); !errors.Is(err, context.Canceled) || len(vs.names) != 5 {
		t.Errorf("erased %d after its end: %v", 5-len(vs.names), err)
	}
	if err := vs.eraseBefore(t.Context(), "v-1", 7); err != nil {
		t.Fatal(err)
	}
	left, err := v.List(prefixSecretVector)
	if want := []string{"vector/v-1/7", "vector/v-1/9", "vector/v-2"}; err != nil || !slices.Equal(left, want) {
		t.Errorf("left %v, want %v, %v", left, want, err)
	}
}

// TestAChallengeThatNodesDoNotShareIsNotAnswered: neither a registration's nor a move's numbers are
// published while another node has other entries. The ledger, which is nil, is not asked for anything.
func TestAChallengeThatNodesDoNotShareIsNotAnswered(t *testing.T) {
	other := errors.New("another log")
	var asked []string
	m := &member{Options: Options{Agreed: func(_ context.Context, nodes []string) error { asked = nodes; return other }}}
	vs := &Vectors{member: m}
	if err := vs.Line(t.Context(), catalog.Vector{Nodes: []string{"n1", "n2"}}); !errors.Is(err, other) || len(asked) != 2 {
		t.Errorf("a registration: error is %v, asked %v", err, asked)
	}
	moves := &Moves{member: m, vectors: vs}
	if err := moves.line(t.Context(), resharing.Move{From: []string{"n1", "n2"}, To: []string{"n2", "n3"}}); !errors.Is(err, other) || len(asked) != 3 {
		t.Errorf("a move: error is %v, asked %v", err, asked)
	}
}
