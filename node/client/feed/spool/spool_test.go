package spool

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/consensus/durable/memdisk"
	"github.com/weirdata/weir/node/client/sealed"
	"github.com/weirdata/weir/node/leak"
)

// inMemory runs the tests with their directories in memory.
func TestMain(m *testing.M) {
	if os.Getenv(childDir) != "" {
		os.Exit(putForever(os.Getenv(childDir)))
	}
	end := memdisk.Use()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		end()
		os.Exit(code)
	}))
}

func key() sealed.Files { return sealed.New(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))) }

func open(t testing.TB, dir string) *Spool {
	t.Helper()
	s, err := Open(dir, key())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func all(int64, bool, bool) bool { return true }

// reopened is what a spool has after it was closed and opened again.
func reopened(t testing.TB, s *Spool) *Spool {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, s.dir)
}

func reading(entity, measure string, at, mantissa int64) Reading {
	return Reading{Entity: entity, Measure: measure, At: at, Period: at / 100, Mantissa: mantissa, Decimals: 1, Flag: 'N'}
}

// Readings, replacements, marks and what was appended are there after every restart and
// rewriting, as a plain map has them.
func TestSpoolKeepsWhatAPlainMapWould(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		s, err := Open(filepath.Join(dir, fmt.Sprint(n)), key())
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}()
		type place struct {
			entity, measure string
			at              int64
		}
		values, dirty, appended := map[place]Sample{}, map[Cell3]bool{}, map[int64]bool{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"put", "put", "put", "append", "reopen", "forget"}).Draw(t, "step") {
			case "put":
				var list []Reading
				want, seen := Outcome{}, map[place]bool{}
				for range rapid.IntRange(1, 5).Draw(t, "readings") {
					r := reading(rapid.SampledFrom([]string{"s1", "s2"}).Draw(t, "entity"), rapid.SampledFrom([]string{"nox", "so2"}).Draw(t, "measure"),
						rapid.Int64Range(0, 500).Draw(t, "at"), rapid.Int64Range(0, 3).Draw(t, "value"))
					p := place{r.Entity, r.Measure, r.At}
					if seen[p] {
						continue
					}
					seen[p] = true
					list = append(list, r)
					switch old, ok := values[p]; {
					case !ok:
						want.New++
					case old == r.sample():
						want.Same++
						continue
					default:
						want.Replaced++
					}
					values[p] = r.sample()
					dirty[Cell3{r.Entity, r.Measure, r.Period}] = true
				}
				got, err := s.Put(context.Background(), list)
				if err != nil || got != want {
					t.Fatalf("%+v, %v, want %+v", got, err, want)
				}
			case "append":
				period := rapid.Int64Range(0, 5).Draw(t, "period")
				_, change := s.Take(func(p int64, _, _ bool) bool { return p == period }, true)
				late := reading("s1", "nox", period*100+50, rapid.Int64Range(4, 9).Draw(t, "late"))
				if _, err := s.Put(context.Background(), []Reading{late}); err != nil {
					t.Fatal(err)
				}
				changed := values[place{"s1", "nox", late.At}] != late.sample()
				values[place{"s1", "nox", late.At}] = late.sample()
				if err := s.Appended(context.Background(), []int64{period}, change); err != nil {
					t.Fatal(err)
				}
				appended[period] = true
				for c := range dirty {
					if c.period == period {
						delete(dirty, c)
					}
				}
				if changed {
					dirty[Cell3{"s1", "nox", period}] = true
				}
			case "forget":
				before := rapid.Int64Range(0, 6).Draw(t, "before")
				if err := s.Forget(context.Background(), before); err != nil {
					t.Fatal(err)
				}
				for p := range values {
					if period := p.at / 100; period < before && appended[period] && !dirty[Cell3{p.entity, p.measure, period}] {
						delete(values, p)
					}
				}
				for p := range appended {
					left := false
					for v := range values {
						left = left || v.at/100 == p
					}
					if p < before && !left {
						delete(appended, p)
					}
				}
			case "reopen":
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if s, err = Open(s.dir, key()); err != nil {
					t.Fatal(err)
				}
			}
			got := map[place]Sample{}
			cells, _ := s.Take(all, false)
			for _, c := range cells {
				for _, x := range c.Samples {
					got[place{c.Entity, c.Measure, x.At}] = x
				}
			}
			if x := cmp.Diff(values, got); x != "" {
				t.Fatal(x)
			}
			gotDirty := map[Cell3]bool{}
			cells, _ = s.Take(all, true)
			for _, c := range cells {
				gotDirty[Cell3{c.Entity, c.Measure, c.Period}] = true
			}
			if x := cmp.Diff(dirty, gotDirty, cmp.AllowUnexported(Cell3{})); x != "" {
				t.Fatal(x)
			}
			for _, p := range s.Periods() {
				if p.Appended != appended[p.Period] {
					t.Fatalf("%+v", p)
				}
			}
			if stats := s.Stats(); stats.Samples != len(values) || stats.Dirty != len(dirty) {
				t.Fatalf("%+v, %d samples", stats, len(values))
			}
		}
	})
}

// Cell3 names a cell.
type Cell3 struct {
	entity, measure string
	period          int64
}

// Cut anywhere, as a process that is killed leaves it, a file keeps all records before the
// cut; changed anywhere before others, it is refused.
func TestHalfARecordIsDroppedAndDamageRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range int64(6) {
		if _, err := s.Put(t.Context(), []Reading{reading("s1", "nox", i, i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	whole, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	begin := len(fileFormat) + saltSize
	try := func(b []byte) (int, error) {
		other := t.TempDir()
		if err := os.WriteFile(filepath.Join(other, "00000001"+suffix), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(other, key())
		if err != nil {
			return 0, err
		}
		n := s.Stats().Samples
		return n, s.Close()
	}
	last := 0
	for cut := begin; cut <= len(whole); cut++ {
		n, err := try(whole[:cut])
		if errors.Is(err, ErrDamaged) && last == 0 && cut > begin { // not even the first record is there
			continue
		}
		if err != nil || n < last || n > last+1 {
			t.Fatalf("cut at %d: %d samples, %v", cut, n, err)
		}
		last = n
	}
	if last != 6 {
		t.Fatalf("%d samples", last)
	}
	for at := begin; at < len(whole); at++ {
		b := bytes.Clone(whole)
		b[at] ^= 4
		n, err := try(b)
		if inLast := n == 5 && err == nil; !inLast && !errors.Is(err, ErrDamaged) {
			t.Fatalf("changed at %d of %d: %d samples, %v", at, len(b), n, err)
		}
	}
	other := sealed.New(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)))
	if _, err := Open(dir, other); !errors.Is(err, ErrDamaged) {
		t.Errorf("with another key: %v", err)
	}
	if n, err := try(whole[:20]); n != 0 || err != nil {
		t.Errorf("without records: %d, %v", n, err)
	}
	if _, err := try([]byte(strings.Repeat("x", 100))); !errors.Is(err, ErrDamaged) {
		t.Errorf("another file: %v", err)
	}
}

// Nothing on disk shows what it is, and nobody else may read it.
func TestNothingOfTheReadingsIsInTheClear(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s := open(t, dir)
	if _, err := s.Put(t.Context(), []Reading{reading("the-entity-of-secrets", "a-secret-measure", 1764579600, 918273645546372)}, Mark{"the-key-of-a-mark", "the-value-of-a-mark"}); err != nil {
		t.Fatal(err)
	}
	s = reopened(t, s)
	needles := leak.NumberForms("a value", 918273645546372)
	for _, text := range []string{"the-entity-of-secrets", "a-secret-measure", "the-key-of-a-mark", "the-value-of-a-mark"} {
		needles = append(needles, leak.Forms(text, []byte(text))...)
	}
	var places []leak.Place
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 2 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, leak.Place{Name: name, Bytes: b})
	}
	if found := leak.Search(places, needles); len(found) > 0 {
		t.Error(found)
	}
	leak.MustFindAll(t, "a text with all of it", []leak.Place{{Name: "planted", Bytes: leak.Planted(needles)}}, needles)
	leak.Private(t, dir)
	if s.Mark("the-key-of-a-mark") != "the-value-of-a-mark" {
		t.Error("the mark is lost")
	}
	if _, err := Open(dir, key()); !errors.Is(err, ErrLocked) || !Running(dir) {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if Running(dir) || Running(filepath.Join(dir, "none")) {
		t.Error("it is said to be open")
	}
	if _, err := s.Put(t.Context(), []Reading{reading("s1", "nox", 1, 1)}); !errors.Is(err, ErrClosed) {
		t.Errorf("after its end: %v", err)
	}
}

// After an error of the disk nothing is said to be kept any more.
func TestNothingIsTakenAfterAFailedWrite(t *testing.T) {
	s := open(t, t.TempDir())
	s.mu.Lock()
	file := s.file.file
	read, err := os.Open(file.Name() + "")
	if err != nil { // it was renamed after it was made
		if read, err = os.Open(filepath.Join(s.dir, "00000001"+suffix)); err != nil {
			t.Fatal(err)
		}
	}
	s.file.file = read // which cannot be written to
	s.mu.Unlock()
	if _, err := s.Put(t.Context(), []Reading{reading("s1", "nox", 1, 1)}); !errors.Is(err, ErrBroken) {
		t.Errorf("%v", err)
	}
	s.file.file = file
	if _, err := s.Put(t.Context(), []Reading{reading("s1", "nox", 2, 1)}); !errors.Is(err, ErrBroken) {
		t.Errorf("afterwards: %v", err)
	}
	if s.Stats().Samples != 0 {
		t.Error("it counts what is not kept")
	}
	if err := read.Close(); err != nil {
		t.Error(err)
	}
}

// What was written and not synced is not said to be kept: a pipe takes a write, and no fsync.
func TestNothingIsKeptWithoutAnFsync(t *testing.T) {
	s := open(t, t.TempDir())
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	file := s.file.file
	s.file.file = in
	s.mu.Unlock()
	if _, err := s.Put(t.Context(), []Reading{reading("s1", "nox", 1, 1)}); !errors.Is(err, ErrBroken) {
		t.Errorf("%v", err)
	}
	s.file.file = file
	if err := errors.Join(in.Close(), out.Close()); err != nil {
		t.Error(err)
	}
}

// childDir names to the test binary, run again, the spool that it puts readings into.
const childDir = "WEIR_TEST_SPOOL"

// putForever prints the number of each reading once it is kept, from several goroutines.
func putForever(dir string) int {
	s, err := Open(dir, key())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for g := range int64(8) {
		all.Go(func() {
			for i := int64(0); ; i++ {
				if _, err := s.Put(context.Background(), []Reading{reading(fmt.Sprint("s", g), "nox", i, i%7), reading(fmt.Sprint("s", g), "so2", i, i%5)}); err != nil {
					return
				}
				mu.Lock()
				fmt.Printf("%d %d\n", g, i)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return 0
}

// Killed while it writes, a process leaves every reading of which it said that it is kept.
func TestSpoolSurvivesSIGKILL(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	said := map[string]int64{}
	for range 3 {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			var g string
			var i int64
			if _, err := fmt.Sscan(lines.Text(), &g, &i); err != nil {
				break // half a line
			}
			said[g] = max(said[g], i)
			if n == 1000 {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // it was killed
	}
	s := open(t, dir)
	kept := map[string]map[int64]int64{}
	cells, _ := s.Take(all, false)
	for _, c := range cells {
		if kept[c.Entity+c.Measure] == nil {
			kept[c.Entity+c.Measure] = map[int64]int64{}
		}
		for _, x := range c.Samples {
			kept[c.Entity+c.Measure][x.At] = x.Mantissa
		}
	}
	total := 0
	for g, last := range said {
		for i := range last + 1 {
			nox, ok := kept["s"+g+"nox"][i]
			so2, both := kept["s"+g+"so2"][i]
			if !ok || !both || nox != i%7 || so2 != i%5 {
				t.Fatalf("reading %d of s%s is lost", i, g)
			}
			total++
		}
	}
	if total < 1000 {
		t.Errorf("only %d were said to be kept", total)
	}
}

// Many that wait at once share an fsync.
func BenchmarkPut(b *testing.B) {
	s := open(b, b.TempDir())
	b.SetParallelism(500)
	var n int64
	var mu sync.Mutex
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			n++
			i := n
			mu.Unlock()
			if _, err := s.Put(b.Context(), []Reading{reading("s1", "nox", i, i), reading("s1", "so2", i, i)}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
