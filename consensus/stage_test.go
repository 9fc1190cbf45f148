package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog/records"
)

// model is a state machine whose entries are closures over a records.Tx.
type model map[int]func(records.Tx) error

func (m model) Apply(tx records.Tx, _ uint64, entry []byte) ([]byte, error) {
	return nil, m[int(entry[0])](tx)
}

func pairsUnder(m map[string]string, prefix string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if strings.HasPrefix(k, prefix) {
			out = append(out, k+"="+m[k])
		}
	}
	return out
}

func scanned(tx records.Reader, prefix string) ([]string, error) {
	var out []string
	err := tx.Scan([]byte(prefix), func(k, v []byte) error {
		out = append(out, string(k)+"="+string(v))
		return nil
	})
	return out, err
}

// TestTransactionReadsItsOwnWrites runs random operations, in random batches,
// beside a map: what an entry reads and scans is what entries before it, in the
// store or in the same batch, and it itself have written.
func TestTransactionReadsItsOwnWrites(t *testing.T) {
	s := openTestState(t, t.TempDir())
	truth := map[string]string{}
	// Few keys, prefixes of each other, and bytes at both ends of the order.
	keys := rapid.SampledFrom([]string{"a", "aa", "ab", "b", "ba", "\x00", "\x00\x00", "\xff", "\xff\xff", "a\xff"})
	prefixes := rapid.SampledFrom([]string{"", "a", "aa", "b", "c", "\x00", "\xff", "a\xff"})
	operation := func(t *rapid.T, tx records.Tx) error {
		k := keys.Draw(t, "key")
		switch rapid.IntRange(0, 3).Draw(t, "op") {
		case 0:
			v := rapid.StringN(0, 3, 3).Draw(t, "value")
			key, value := []byte(k), []byte(v)
			if err := tx.Set(key, value); err != nil {
				return err
			}
			clear(key) // the slices stay the caller's
			clear(value)
			truth[k] = v
		case 1:
			if err := tx.Delete([]byte(k)); err != nil {
				return err
			}
			delete(truth, k)
		case 2:
			got, err := tx.Get([]byte(k))
			if err != nil {
				return err
			}
			want, ok := truth[k]
			if ok != (got != nil) || string(got) != want {
				return fmt.Errorf("get %q: %q (there: %t), want %q (%t)", k, got, got != nil, want, ok)
			}
		case 3:
			p := prefixes.Draw(t, "prefix")
			got, err := scanned(tx, p)
			if err != nil {
				return err
			}
			if want := pairsUnder(truth, p); !slices.Equal(got, want) {
				return fmt.Errorf("scan %q: %q, want %q", p, got, want)
			}
		}
		return nil
	}
	rapid.Check(t, func(t *rapid.T) {
		m := model{9: func(tx records.Tx) error { // rapid shrinks: begin anew
			for k := range truth {
				if err := tx.Delete([]byte(k)); err != nil {
					return err
				}
			}
			clear(truth)
			return nil
		}}
		if _, err := s.applyBatch(m, entries(s, "\x09")); err != nil {
			t.Fatal(err)
		}
		var commands []string
		for i := range rapid.IntRange(1, 6).Draw(t, "entries") {
			m[i] = func(tx records.Tx) error {
				for range rapid.IntRange(1, 8).Draw(t, "operations") {
					if err := operation(t, tx); err != nil {
						return err
					}
				}
				return nil
			}
			commands = append(commands, string([]byte{byte(i)}))
		}
		cut := rapid.IntRange(0, len(commands)).Draw(t, "cut")
		for _, part := range [][]string{commands[:cut], commands[cut:]} {
			if _, err := s.applyBatch(m, entries(s, part...)); err != nil {
				t.Fatal(err)
			}
		}
		g, err := s.acquire()
		if err != nil {
			t.Fatal(err)
		}
		defer g.release()
		r := g.store.Read()
		defer r.Close()
		got, err := scanned(machineReader{r}, "")
		if err != nil || !slices.Equal(got, pairsUnder(truth, "")) {
			t.Fatalf("afterwards the store holds %q (%v), want %q", got, err, pairsUnder(truth, ""))
		}
	})
}

// TestScanSeesTheStateAtItsBeginning: what fn writes does not change the scan.
func TestScanSeesTheStateAtItsBeginning(t *testing.T) {
	s := openTestState(t, t.TempDir())
	apply(t, s, kv{}, "set a 1", "set c 3")
	m := model{0: func(tx records.Tx) error {
		if err := tx.Set([]byte("b"), []byte("2")); err != nil {
			return err
		}
		var seen []string
		err := tx.Scan(nil, func(k, v []byte) error {
			seen = append(seen, string(k)+"="+string(v))
			return errors.Join(tx.Set(append([]byte("a"), k...), v), tx.Delete([]byte("c")), tx.Set([]byte("b"), nil))
		})
		if want := []string{"a=1", "b=2", "c=3"}; !slices.Equal(seen, want) {
			return fmt.Errorf("saw %q, want %q", seen, want)
		}
		return err
	}}
	if _, err := s.applyBatch(m, entries(s, "\x00")); err != nil {
		t.Fatal(err)
	}
}

func TestScanReturnsTheErrorAsItIs(t *testing.T) {
	s := openTestState(t, t.TempDir())
	stop := errors.New("enough")
	count := 0
	fn := func(_, _ []byte) error { count++; return stop }
	m := model{
		0: func(tx records.Tx) error { return tx.Set([]byte("a"), nil) },
		1: func(tx records.Tx) error {
			if err := tx.Scan(nil, fn); err != stop { //nolint:errorlint // as it is
				return fmt.Errorf("scanning a pending key: %w", err)
			}
			return nil
		},
	}
	if _, err := s.applyBatch(m, entries(s, "\x00", "\x01")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.applyBatch(m, entries(s, "\x01")); err != nil {
		t.Fatal(err)
	}
	if count != 2 {
		t.Errorf("fn was called %d times, want 2", count)
	}
}

func TestKeysOutOfBoundsAreRefused(t *testing.T) {
	s := openTestState(t, t.TempDir())
	for _, key := range [][]byte{nil, {}, make([]byte, MaxKeyBytes+1)} {
		m := model{0: func(tx records.Tx) error {
			_, err := tx.Get(key)
			if err == nil || tx.Set(key, nil) == nil || tx.Delete(key) == nil {
				return errors.New("accepted")
			}
			return nil
		}}
		if _, err := s.applyBatch(m, entries(s, "\x00")); err != nil {
			t.Errorf("a key of %d bytes: %v", len(key), err)
		}
	}
	m := model{0: func(tx records.Tx) error {
		return tx.Set(bytes.Repeat([]byte{0xff}, MaxKeyBytes), []byte("x"))
	}}
	if _, err := s.applyBatch(m, entries(s, "\x00")); err != nil {
		t.Errorf("the longest key: %v", err)
	}
}
