package blobs

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/rollup"
	"github.com/weirdata/weir/compute/tiles"
)

// memory is a disk that holds tiles, and counts those that were read.
type memory struct {
	Disk
	blobs map[catalog.Digest][]byte
	read  atomic.Int64
	enter func(ctx context.Context) error // nil: nothing
	fails catalog.Digest                  // under who reads it, once
	doubt []catalog.Digest                // what was doubted
}

func (m *memory) Doubt(digests ...catalog.Digest) { m.doubt = append(m.doubt, digests...) }

func (m *memory) Accumulate(ctx context.Context, digests []catalog.Digest, add func(...[]byte) error) error {
	if m.enter != nil {
		if err := m.enter(ctx); err != nil {
			return err
		}
	}
	for _, d := range digests {
		b, ok := m.blobs[d]
		if !ok {
			return &tiles.BlobError{Digest: d, Err: errors.New("the test has no such tile")}
		}
		m.read.Add(1)
		if d == m.fails {
			m.fails = catalog.Digest{}
			if err := add(b); err != nil {
				return err
			}
			return &tiles.BlobError{Digest: d, Err: tiles.ErrHalfRead}
		}
		if err := add(b); err != nil {
			return err
		}
	}
	return nil
}

// freeCores are as many as are asked for.
type freeCores struct{}

func (freeCores) Enter(context.Context) (func(), error) { return func() {}, nil }

// summing is a store of tiles of hours, with rollups in a directory.
type summing struct {
	*Store
	p    he.Parameters
	disk *memory
	dir  string
}

func newSumming(tb testing.TB) *summing {
	tb.Helper()
	p, err := he.NewParameters(he.DataParameters(3, 2))
	if err != nil {
		tb.Fatal(err)
	}
	s := &summing{p: p, disk: &memory{blobs: map[catalog.Digest][]byte{}}, dir: tb.TempDir()}
	s.Store = New(Options{Disk: s.disk, Self: "n1", Cores: freeCores{}, Workers: 2, Logger: slog.New(slog.DiscardHandler), Wake: func() {}})
	s.reopen(0)
	return s
}

// reopen is what a start of the node does.
func (s *summing) reopen(most int64) {
	s.Rollups = OpenRollups(s.dir, RollupOptions{MaxBytes: most, Logger: s.Logger})
}

// random is a tile of uniform coefficients: to add, all tiles are alike. Each is a stretch of one long noise.
func (s *summing) random(seed uint64) []byte {
	b := make([]byte, s.p.TileBytes())
	copy(b, "weir")
	b[4], b[5], b[6], b[7], b[8] = 1, 1, 13, 3, 1
	rng := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // a test's
	for at := 16; at < len(b); at += 8 {
		binary.LittleEndian.PutUint64(b[at:], rng.Uint64N(1<<60-1<<19))
	}
	return b
}

// hours makes a version of n tiles of an hour each.
func (s *summing) hours(first string, manifest byte, n int) rollup.Tiles {
	_, from, err := calendar.Parse(first)
	if err != nil {
		panic(err)
	}
	t := rollup.Tiles{Manifest: catalog.Digest{manifest}, Grain: calendar.Hour, First: from, Periods: 1}
	for k := range n {
		b := s.random(uint64(manifest)<<32 + uint64(k))
		d := catalog.Sum(b)
		s.disk.blobs[d] = b
		t.All = append(t.All, d)
	}
	return t
}

// numbered are the tiles from ≤ k < to.
func numbered(t rollup.Tiles, from, to int) rollup.Tiles {
	t.Numbers = nil
	for k := from; k < to; k++ {
		t.Numbers = append(t.Numbers, k)
	}
	return t
}

// plain adds the tiles one after the other.
func (s *summing) plain(tb rapid.TB, t rollup.Tiles) []byte {
	tb.Helper()
	acc := he.NewAccumulator(s.p)
	numbers := t.Numbers
	for k := range t.All {
		if numbers != nil && !slices.Contains(numbers, k) {
			continue
		}
		if err := acc.Add(s.disk.blobs[t.All[k]]); err != nil {
			tb.Fatal(err)
		}
	}
	return bytesOf(tb, acc)
}

func bytesOf(tb rapid.TB, acc *he.Accumulator) []byte {
	tb.Helper()
	b, err := acc.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// summed adds by rollups, and tells how many tiles were read for it.
func (s *summing) summed(tb rapid.TB, t rollup.Tiles) (sum []byte, read int) {
	tb.Helper()
	s.disk.read.Store(0)
	acc := he.NewAccumulator(s.p)
	var added atomic.Int64
	if err := s.Sum(context.Background(), t, acc, func(n int) { added.Add(int64(n)) }); err != nil {
		tb.Fatal(err)
	}
	if added.Load() != int64(acc.Count()) {
		tb.Fatalf("told of %d tiles, the sum is of %d", added.Load(), acc.Count())
	}
	return bytesOf(tb, acc), int(s.disk.read.Load())
}

// Any range, in any order of asking, with starts of the node between, little room, and rollups that are doubted, is
// summed up to the bytes that the plain loop gives: the coefficients and the number of tiles.
func TestSumsByRollupsAreThoseOfTheTiles(t *testing.T) {
	t.Parallel()
	s := newSumming(t)
	version := s.hours("2023-12-30T20", 1, 70)
	// That rollups serve at all must not hang on what is drawn: the whole is summed twice first.
	whole, _ := s.summed(t, version)
	if again, read := s.summed(t, version); !bytes.Equal(again, whole) || read == len(version.All) {
		t.Fatalf("the second sum of all tiles read %d of %d", read, len(version.All))
	}
	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(1, 3).Draw(t, "sums") {
			switch rapid.IntRange(0, 5).Draw(t, "before") {
			case 0:
				s.reopen(rapid.SampledFrom([]int64{0, 1, 500_000, 1_000_000}).Draw(t, "room"))
			case 1:
				s.Doubt(version)
			}
			asked := version
			cuts := rapid.SliceOfNDistinct(rapid.IntRange(0, len(version.All)), 2, 6, rapid.ID[int]).Draw(t, "cuts")
			slices.Sort(cuts)
			asked.Numbers = nil
			for i := 0; i+1 < len(cuts); i += 2 {
				asked.Numbers = append(asked.Numbers, numbered(version, cuts[i], cuts[i+1]).Numbers...)
			}
			want := s.plain(t, asked)
			for range 2 { // from tiles, and from what the first time left
				if got, _ := s.summed(t, asked); !bytes.Equal(got, want) {
					t.Fatalf("the sum of tiles %v differs", cuts)
				}
			}
		}
	})
}

// What was added up once is read as a rollup, also after a start, and so is what is large within it.
func TestARangeThatWasSummedIsReadAsRollups(t *testing.T) {
	t.Parallel()
	s := newSumming(t)
	const january = 31 * 24 / 5
	version := s.hours("2023-01-01T00", 1, january+12)
	version.Periods = 5
	all, read := s.summed(t, version)
	if read != len(version.All) {
		t.Fatalf("%d tiles were read, want all %d", read, len(version.All))
	}
	for range 2 {
		again, read := s.summed(t, version)
		if !bytes.Equal(again, all) || read != 0 {
			t.Errorf("again %d tiles were read", read)
		}
		s.reopen(0)
	}
	if _, read := s.summed(t, numbered(version, 0, january+2)); read != 2 {
		t.Errorf("of January and two tiles %d were read, want 2", read)
	}
}

// Versions that correct or append have rollups of their own, and those of a version that nothing names go.
func TestRollupsAreOfTheirVersion(t *testing.T) {
	t.Parallel()
	s := newSumming(t)
	first := s.hours("2023-01-01T00", 1, 60)
	corrected := first
	corrected.Manifest, corrected.All = catalog.Digest{2}, slices.Clone(first.All)
	corrected.All[7] = s.hours("2023-01-01T00", 9, 1).All[0]
	appended := first
	appended.Manifest, appended.All = catalog.Digest{3}, append(slices.Clone(first.All), s.hours("2023-01-03T12", 8, 20).All...)
	for _, version := range []rollup.Tiles{first, corrected, appended} {
		if got, read := s.summed(t, version); !bytes.Equal(got, s.plain(t, version)) || read != len(version.All) {
			t.Errorf("version %v: %d tiles of %d were read, or the sum is another's", version.Manifest[0], read, len(version.All))
		}
	}
	if err := s.Rollups.Retain(func(m catalog.Digest) bool { return m == corrected.Manifest }); err != nil {
		t.Fatal(err)
	}
	for version, want := range map[byte]int{1: 0, 2: 1, 3: 0} {
		files, err := filepath.Glob(filepath.Join(s.dir, catalog.Digest{version}.String(), "*"))
		if err != nil || len(files) != want {
			t.Errorf("version %d has the files %v, %v; want %d", version, files, err, want)
		}
	}
	if _, read := s.summed(t, corrected); read != 0 {
		t.Errorf("%d tiles of the version that is named were read again", read)
	}
	if got, read := s.summed(t, first); !bytes.Equal(got, s.plain(t, first)) || read != len(first.All) {
		t.Errorf("after its rollups went, %d tiles were read", read)
	}
}

// files are the rollups on the disk.
func (s *summing) files(tb testing.TB) (paths []string) {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(s.dir, "*", "*"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("files %v, %v", paths, err)
	}
	return paths
}

// A rollup that the disk returns otherwise than it was written is found, whether it was compared since the start or not, and
// made again of tiles.
func TestADamagedRollupIsFoundAndMadeAgain(t *testing.T) {
	t.Parallel()
	damages := map[string]func(t *testing.T, path string, b []byte){
		"a bit of the sum":             func(t *testing.T, path string, b []byte) { b[len(b)/2] ^= 4; write(t, path, b) },
		"a bit of the number of tiles": func(t *testing.T, path string, b []byte) { b[rollupHeader+8] ^= 1; write(t, path, b) },
		"a bit of the checksums":       func(t *testing.T, path string, b []byte) { b[len(rollupMagic)+4] ^= 1; write(t, path, b) },
		"a bit of the magic":           func(t *testing.T, path string, b []byte) { b[0] ^= 1; write(t, path, b) },
		"cut short":                    func(t *testing.T, path string, b []byte) { write(t, path, b[:len(b)-5]) },
		"nothing":                      func(t *testing.T, path string, _ []byte) { write(t, path, nil) },
		"gone": func(t *testing.T, path string, _ []byte) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"zeros": func(t *testing.T, path string, b []byte) { write(t, path, make([]byte, len(b))) },
	}
	for name, damage := range damages {
		for _, start := range []bool{false, true} {
			if name == "a bit of the checksums" && !start {
				continue // the SHA-256 is compared once after a start
			}
			t.Run(fmt.Sprintf("%s, start %v", name, start), func(t *testing.T) {
				t.Parallel()
				s := newSumming(t)
				version := s.hours("2023-01-02T00", 1, 24)
				want, _ := s.summed(t, version)
				path := s.files(t)[0]
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				damage(t, path, b)
				if start {
					s.reopen(0)
				}
				got, read := s.summed(t, version)
				if !bytes.Equal(got, want) || read != len(version.All) {
					t.Fatalf("%d of %d tiles were read, or the sum is another", read, len(version.All))
				}
				if again, read := s.summed(t, version); !bytes.Equal(again, want) || read != 0 {
					t.Errorf("made again, it is not used: %d tiles were read", read)
				}
			})
		}
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// The sum of one day is not believed in the place of another's, though it is whole.
func TestARollupInTheWrongPlaceIsNotBelieved(t *testing.T) {
	t.Parallel()
	s := newSumming(t)
	version := s.hours("2023-01-02T00", 1, 48)
	one, other := numbered(version, 0, 24), numbered(version, 24, 48)
	s.summed(t, one)
	want, _ := s.summed(t, other)
	files := s.files(t)
	b, err := os.ReadFile(files[0])
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	write(t, files[1], b)
	if got, _ := s.summed(t, other); !bytes.Equal(got, want) {
		t.Error("without a start, another day's sum was believed")
	}
	write(t, files[1], b)
	s.reopen(0)
	if got, _ := s.summed(t, other); !bytes.Equal(got, want) {
		t.Error("after a start, another day's sum was believed")
	}
}

// A crash while a rollup is written leaves what is not believed, and is removed at the next start.
func TestAHalfWrittenRollupIsNotBelieved(t *testing.T) {
	t.Parallel()
	s := newSumming(t)
	version := s.hours("2023-01-02T00", 1, 24)
	want, _ := s.summed(t, version)
	path := s.files(t)[0]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for length := 0; length < len(b); length += 50_021 {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		write(t, path+".half-123", b[:length])
		s.reopen(0)
		if counts := s.Rollups.Counts(); counts.Kept != 0 {
			t.Fatalf("half a file counts: %+v", counts)
		}
		if got, read := s.summed(t, version); !bytes.Equal(got, want) || read != len(version.All) {
			t.Fatalf("%d bytes were believed", length)
		}
		if files := s.files(t); !slices.Equal(files, []string{path}) {
			t.Fatalf("files %v", files)
		}
	}
}

// The files never take more room than they may; those used longest ago make it.
func TestRollupsStayWithinTheirRoom(t *testing.T) {
	t.Parallel()
	s := newSumming(t)
	version := s.hours("2023-01-02T00", 1, 6*24)
	size := int64(rollupHeader + s.p.TileBytes())
	s.reopen(3*size + 10)
	day := func(k int) rollup.Tiles { return numbered(version, 24*k, 24*k+24) }
	held := func() (sum int64) {
		for _, path := range s.files(t) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			sum += info.Size()
		}
		return sum
	}
	for k := range 6 {
		s.summed(t, day(k))
		s.summed(t, day(0))
		if counts := s.Rollups.Counts(); held() > 3*size+10 || counts.Bytes != held() {
			t.Fatalf("files of %d bytes after day %d, counted %+v", held(), k, counts)
		}
	}
	if _, read := s.summed(t, day(0)); read != 0 {
		t.Error("what was used last went")
	}
	if _, read := s.summed(t, day(2)); read == 0 {
		t.Error("what was used longest ago stayed")
	}
	s.reopen(size)
	if counts := s.Rollups.Counts(); counts.Kept != 1 || held() > size {
		t.Errorf("with less room after a start, %+v", counts)
	}
	s.reopen(size - 1)
	for range 2 {
		if _, read := s.summed(t, day(1)); read != 24 || s.Rollups.Counts().Kept != 0 {
			t.Error("a rollup was kept without room for it")
		}
	}
}

// On a disk that is nearly full none are made.
func TestNoRollupIsMadeOnAFullDisk(t *testing.T) {
	t.Parallel()
	s := newSumming(t)
	free := uint64(1000)
	s.Rollups = OpenRollups(s.dir, RollupOptions{Logger: s.Logger, MinFree: 700_000, Free: func(string) (uint64, error) { return free, nil }})
	version := s.hours("2023-01-02T00", 1, 24)
	s.summed(t, version)
	if counts := s.Rollups.Counts(); counts.Kept != 0 {
		t.Errorf("%+v", counts)
	}
	free = 2_000_000
	s.summed(t, version)
	if counts := s.Rollups.Counts(); counts.Kept != 1 {
		t.Errorf("with room again, %+v", counts)
	}
}

// A directory that cannot be had is no reason not to answer.
func TestWithoutADirectorySumsAreMadeOfTiles(t *testing.T) {
	t.Parallel()
	s := newSumming(t)
	file := filepath.Join(s.dir, "file")
	write(t, file, nil)
	var log strings.Builder
	s.Rollups = OpenRollups(filepath.Join(file, "rollups"), RollupOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	version := s.hours("2023-01-02T00", 1, 24)
	for range 2 {
		if got, read := s.summed(t, version); !bytes.Equal(got, s.plain(t, version)) || read != 24 {
			t.Errorf("%d tiles were read", read)
		}
	}
	if !strings.Contains(log.String(), "no rollups are kept") {
		t.Errorf("the log says %q", log.String())
	}
}

// A disk that fails under a tile while it is added up spoils the sum: nothing of it is kept, the tile is to be
// repaired, and the next sum is right.
func TestASumUnderWhichTheDiskFailedIsNotKept(t *testing.T) {
	t.Parallel()
	s := newSumming(t)
	version := s.hours("2023-01-02T00", 1, 24)
	s.disk.fails = version.All[7]
	err := s.Sum(t.Context(), version, he.NewAccumulator(s.p), func(int) {})
	if counts, status := s.Rollups.Counts(), s.Status(); !errors.Is(err, tiles.ErrHalfRead) || counts.Kept != 0 || status.Damaged != 1 {
		t.Errorf("%v, %+v, %+v", err, counts, status)
	}
	if got, read := s.summed(t, version); !bytes.Equal(got, s.plain(t, version)) || read != 24 {
		t.Errorf("%d tiles were read", read)
	}
	s.Doubt(version)
	if !slices.Equal(s.disk.doubt, version.All) {
		t.Errorf("%d tiles are doubted, of %d", len(s.disk.doubt), len(version.All))
	}
}

// What is doubted while it is being made is not kept.
func TestWhatIsDoubtedMeanwhileIsNotKept(t *testing.T) {
	t.Parallel()
	s := newSumming(t)
	version := s.hours("2023-01-02T00", 1, 24)
	err := s.Sum(t.Context(), version, he.NewAccumulator(s.p), func(int) { s.Doubt(version) })
	if counts := s.Rollups.Counts(); err != nil || counts.Kept != 0 {
		t.Errorf("%+v, %v", counts, err)
	}
	other := version
	other.Block = 1
	s.summed(t, version)
	s.summed(t, other)
	s.Doubt(version)
	if _, read := s.summed(t, other); read != 0 {
		t.Error("the rollups of another block went")
	}
	if _, read := s.summed(t, version); read != 24 {
		t.Error("what was doubted is used")
	}
}

// The missing rollups of one sum are made on as many cores as are allowed.
func TestMissingRollupsOfOneSumAreMadeAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := newSumming(t)
	version := s.hours("2023-01-02T00", 1, 48)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var inside atomic.Int64
	both := make(chan struct{})
	s.disk.enter = func(ctx context.Context) error {
		if inside.Add(1) == 2 {
			close(both)
		}
		select {
		case <-both:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	acc := he.NewAccumulator(s.p)
	version.Numbers = append(numbered(version, 24, 48).Numbers, numbered(version, 0, 24).Numbers...) // two days, each alone
	if err := s.Sum(ctx, version, acc, func(int) {}); err != nil || acc.Count() != 48 {
		t.Errorf("%d tiles, %v", acc.Count(), err)
	}
}
