package mpc

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

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
