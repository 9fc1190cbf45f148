package touched

import (
	"fmt"
	"slices"
	"testing"
)

func since(t *testing.T, k *Keys, index uint64) []string {
	t.Helper()
	var keys []string
	if !k.Since(index, func(key string) bool { keys = append(keys, key); return true }) {
		return nil
	}
	return append(keys, "known")
}

func TestKeysAreThoseOfTheEntriesBehindAnIndex(t *testing.T) {
	k := new(Keys)
	k.Note(3, []string{"a", "b"})
	k.Note(7, nil)
	k.Note(9, []string{"c"})
	for index, want := range map[uint64][]string{
		0: {"a", "b", "c", "known"}, 2: {"a", "b", "c", "known"}, 3: {"c", "known"}, 8: {"c", "known"}, 9: {"known"}, 20: {"known"},
	} {
		if got := since(t, k, index); !slices.Equal(got, want) {
			t.Errorf("behind %d: %q, wanted is %q", index, got, want)
		}
	}
	k.Forget(9)
	if got := since(t, k, 8); got != nil {
		t.Errorf("of a state that was replaced %q is known", got)
	}
	if got := since(t, k, 9); !slices.Equal(got, []string{"known"}) {
		t.Errorf("behind the replaced state: %q", got)
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	k := new(Keys)
	for i := range uint64(3 * mostKeys) {
		k.Note(i+1, []string{fmt.Sprint(i)})
	}
	if k.keys > mostKeys || len(k.batches) > mostKeys {
		t.Errorf("%d keys of %d entries are kept", k.keys, len(k.batches))
	}
	if since(t, k, 2*mostKeys) == nil {
		t.Error("the last entries are not known")
	}
	if since(t, k, 2*mostKeys-1) != nil {
		t.Error("a key that was dropped is left out, and nobody is told")
	}
	k.Note(3*mostKeys+1, make([]string, mostKeys+1)) // of one entry
	if since(t, k, 3*mostKeys) != nil || since(t, k, 3*mostKeys+1) == nil {
		t.Error("an entry with more keys than are kept is taken for known, or hides what follows it")
	}
}
