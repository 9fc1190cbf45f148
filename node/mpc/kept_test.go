package mpc

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/vault"
)

// What is kept is bounded in number, length and age, survives a restart, and is
// sealed in the vault.
func TestKeptSharesAreBoundedAndDurable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keyFile := dir + "/key"
	if err := vault.NewKeyFile(keyFile); err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(dir+"/vault", keyFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	now := time.UnixMilli(1_800_000_000_000)
	open := func() *keptShares {
		t.Helper()
		k, err := newKeptShares(v, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		k.most = 3
		return k
	}
	k := open()
	share := func(i int) keptShare {
		return keptShare{attempt: i, plan: catalog.Sum([]byte{1, byte(i)}), contexts: catalog.Sum([]byte{2, byte(i)}), share: bytes.Repeat([]byte{byte(i)}, 20)}
	}
	has := func(want ...string) {
		t.Helper()
		for i := range 6 {
			id := fmt.Sprintf("q-%d", i)
			got, ok, err := k.get(id)
			if err != nil || ok != slices.Contains(want, id) {
				t.Errorf("%s is there: %t, %v; want %v", id, ok, err, want)
			}
			if ok && !cmp.Equal(got, share(i), cmp.AllowUnexported(keptShare{})) {
				t.Errorf("%s is %+v", id, got)
			}
		}
		names, err := v.List(sharePrefix)
		if err != nil || len(names) != len(k.kept) {
			t.Errorf("%d files for %d shares, %v", len(names), len(k.kept), err)
		}
	}
	for i := range 5 {
		now = now.Add(time.Minute)
		if err := k.keep(fmt.Sprintf("q-%d", i), share(i)); err != nil {
			t.Fatal(err)
		}
	}
	has("q-2", "q-3", "q-4")
	k = open()
	has("q-2", "q-3", "q-4")
	// A later attempt's share replaces the earlier one's.
	now = now.Add(time.Minute)
	other := share(3)
	other.share = []byte("of attempt 3")
	if err := errors.Join(k.keep("q-3", other), k.keep("q-3", share(3))); err != nil {
		t.Fatal(err)
	}
	has("q-2", "q-3", "q-4")
	long := share(5)
	long.share = make([]byte, maxShareBytes+1)
	if err := k.keep("q-5", long); err != nil {
		t.Fatal(err)
	}
	has("q-2", "q-3", "q-4")
	now = now.Add(shareAge + time.Second)
	has()
	if err := k.keep("q-0", share(0)); err != nil {
		t.Fatal(err)
	}
	has("q-0")
	// Of what is forgotten nothing is left, and nothing of what is too old, also where nothing new comes.
	if err := errors.Join(k.keep("q-1", share(1)), k.erase([]string{"q-0", "q-9"})); err != nil {
		t.Fatal(err)
	}
	has("q-1")
	now = now.Add(shareAge + time.Second)
	if err := k.erase(nil); err != nil {
		t.Fatal(err)
	}
	if names, err := v.List(sharePrefix); err != nil || len(names) > 0 {
		t.Errorf("%q are kept for too long, %v", names, err)
	}
}

// FuzzParseShareName: the names of stored shares come back out of the directory.
func FuzzParseShareName(f *testing.F) {
	f.Add(secretShare("q-1", time.UnixMilli(1_700_000_000_123)))
	f.Add("answered/q-1")
	f.Add("answered/q/1/-2")
	f.Add("answered/q/+2")
	f.Fuzz(func(t *testing.T, name string) {
		query, at, ok := parseShareName(name)
		if ok && secretShare(query, at) != name {
			t.Fatalf("%q is the share of %q, which is %q", name, query, secretShare(query, at))
		}
	})
}
