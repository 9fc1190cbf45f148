package news

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/compute/spill"
)

func someRecord() *Record {
	return record(3, -5, nox([][]int64{{5, none, 1 << 40}, {none, -7, 5000}}), measure{name: "dust", unit: "µg/m³", decimals: 9, cells: [][]int64{{1, 2, 3}, {4, 5, 6}}})
}

// encoded are the bytes of a record.
func encoded(tb testing.TB, r *Record) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// decoded is the record that bytes are of, whose readings go to a file.
func decoded(b []byte) (*Record, error) { return ReadRecord(bytes.NewReader(b), spill.New("", 1)) }

func equalRecords(tb testing.TB, a, b *Record) string {
	tb.Helper()
	return cmp.Diff(encoded(tb, a), encoded(tb, b))
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	r := someRecord()
	b := encoded(t, r)
	back, err := decoded(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := equalRecords(t, r, back); d != "" || back.Version != 3 || back.First != -5 || back.Columns[1].Unit != "µg/m³" {
		t.Errorf("%+v\n%s", back, d)
	}
	for _, want := range []struct {
		m, e, p int
		v       int64
		has     bool
	}{{0, 0, 0, 5 - 5000, true}, {0, 1, 0, 0, false}, {0, 0, 2, 1<<40 - 5000, true}, {0, 1, 1, -5007, true}, {1, 1, 2, 6, true}} {
		line, err := back.Line(&back.Columns[want.m], want.p, nil)
		if err != nil {
			t.Fatal(err)
		}
		if v, has := line.Value(want.e); v != want.v || has != want.has {
			t.Errorf("%+v: %d, %t", want, v, has)
		}
	}
	for n := range len(b) {
		if _, err := decoded(b[:n]); !errors.Is(err, ErrRecord) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
	if _, err := decoded(append(bytes.Clone(b), 0)); !errors.Is(err, ErrRecord) {
		t.Errorf("a byte more: %v", err)
	}
}

func TestChangesAreCountedOnceByKind(t *testing.T) {
	before := record(1, 0, nox([][]int64{{1, 2, none}, {4, 5, 6}}))
	after := record(2, 0, nox([][]int64{{1, 3, 8, 9}, {4, none, 7, 9}, {1, 1, 1, 1}}))
	got, err := Compare(before, after)
	if d := cmp.Diff(Changes{Corrected: 2, Late: 1, Removed: 1}, got); err != nil || d != "" {
		t.Errorf("%v (-want +counted)\n%s", err, d)
	}
}

// FuzzDecodeRecord: what is read can be written again, byte by byte.
func FuzzDecodeRecord(f *testing.F) {
	good := encoded(f, someRecord())
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add([]byte{1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 2, 0})
	f.Add([]byte{1, 1, 0xff, 0xff, 0x3f, 0xff, 0x7f, 0, 0, 1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decoded(b)
		if err != nil {
			if !errors.Is(err, ErrRecord) {
				t.Fatalf("not ErrRecord: %v", err)
			}
			return
		}
		if again := encoded(t, r); !bytes.Equal(again, b) {
			t.Fatalf("%x is read as what is written %x", b, again)
		}
	})
}
