package he

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/tuneinsight/lattigo/v5/core/rlwe"
	"github.com/tuneinsight/lattigo/v5/he/heint"

	"github.com/weirdata/weir/compute/he/modular"
)

// Measurement is one figure of a run of Measure.
type Measurement struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// Measure times the primitives on one core, all in one run, with throw-away
// keys, over tiles of about the given number of bytes (at least one pass of
// tiles): memory_bytes_per_s (a plain sum over the tiles' bytes, the yardstick),
// accumulate_bytes_per_s, accumulate_values_per_s, lattigo_add_values_per_s,
// encrypt_values_per_s, open_share_ms, open_root_ms, bytes_per_value. Rates are
// those of the best of several passes, as STREAM reports them, times are medians;
// the sum and the accumulation take turns, so that a busy machine slows both.
func Measure(ctx context.Context, p Parameters, bytes int64) (_ []Measurement, err error) {
	defer guard("measure", &err)
	if err := p.check(); err != nil {
		return nil, err
	}
	m := &measuring{ctx: ctx, p: p}
	for _, step := range []func() error{
		m.setUp,
		func() error { return m.encrypt(bytes) },
		m.accumulate,
		m.lattigo,
		m.open,
	} {
		if err := errors.Join(ctx.Err(), step()); err != nil {
			return nil, err
		}
	}
	return m.out, nil
}

type measuring struct {
	ctx   context.Context
	p     Parameters
	out   []Measurement
	pk    []byte
	keys  []*NodeKey // those of an active set, points 1..t
	tiles [][]byte
	acc   *Accumulator
}

func (m *measuring) report(name string, value float64, unit string) {
	m.out = append(m.out, Measurement{Name: name, Value: value, Unit: unit})
}

// setUp runs a ceremony.
func (m *measuring) setUp() error {
	reference := [32]byte{1}
	var dealers []*Dealer
	var publics [][]byte
	for i := 1; i <= m.p.Nodes(); i++ {
		d, err := NewDealer(m.p, reference, i)
		if err != nil {
			return err
		}
		defer d.Erase()
		dealers, publics = append(dealers, d), append(publics, d.PublicShare())
	}
	var err error
	if m.pk, err = CombinePublicShares(m.p, reference, publics); err != nil {
		return err
	}
	secret, err := NewPairSeed()
	if err != nil {
		return err
	}
	for j := 1; j <= m.p.Threshold(); j++ {
		var dealings [][]byte
		pairs := map[int][32]byte{}
		for i, d := range dealers {
			b, err := d.Dealing(j)
			if err != nil {
				return err
			}
			dealings = append(dealings, b)
			if i+1 != j {
				pairs[i+1] = secret // both ends hold it; nothing here is kept
			}
		}
		share, err := CombineDealings(m.p, reference, j, dealings)
		if err != nil {
			return err
		}
		key, err := NewNodeKey(m.p, j, share, pairs, secret)
		if err != nil {
			return err
		}
		m.keys = append(m.keys, key)
	}
	return nil
}

// encrypt times fresh tiles, and fills the memory with copies of them.
func (m *measuring) encrypt(bytes int64) error {
	e, err := NewEncryptor(m.p, m.pk)
	if err != nil {
		return err
	}
	values := make([]int64, m.p.Values())
	for i := range values {
		values[i] = int64(i) - int64(len(values)/2)
	}
	const passes, each = 10, 20
	size := m.p.PackedTileBytes()
	count := max(int(bytes/int64(size)), modular.PerPass)
	m.tiles = make([][]byte, count)
	for i := range m.tiles {
		m.tiles[i] = make([]byte, size)
	}
	var best fastest
	for pass := range passes {
		start := time.Now()
		for i := range each {
			if err := errors.Join(m.ctx.Err(), e.Encrypt(values, m.tiles[(pass*each+i)%count])); err != nil {
				return err
			}
		}
		best.note(start)
	}
	m.report("encrypt_values_per_s", best.rate(each*len(values)), "1/s")
	m.report("bytes_per_value", float64(size)/float64(len(values)), "B")
	const fresh = passes * each
	for i := fresh; i < count; i++ {
		copy(m.tiles[i], m.tiles[i%fresh])
	}
	return nil
}

// accumulate times the plain sum and the addition of all tiles, in turns.
func (m *measuring) accumulate() error {
	const passes, atLeast = 5, time.Second
	var plain, added fastest
	var sink uint64
	begin := time.Now()
	for pass := 0; pass < passes || time.Since(begin) < atLeast; pass++ {
		if err := m.ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		for _, b := range m.tiles {
			sink += sumWords(b)
		}
		plain.note(start)
		start = time.Now()
		m.acc = NewAccumulator(m.p)
		for part := range slices.Chunk(m.tiles, MaxTiles) {
			m.acc.count = 0 // more tiles than an accumulator takes are no matter here
			if err := m.acc.Add(part...); err != nil {
				return err
			}
		}
		added.note(start)
	}
	if sink == 0 {
		return errors.New("tiles are empty")
	}
	bytes := len(m.tiles) * m.p.PackedTileBytes()
	m.report("memory_bytes_per_s", plain.rate(bytes), "B/s")
	m.report("accumulate_bytes_per_s", added.rate(bytes), "B/s")
	m.report("accumulate_values_per_s", added.rate(len(m.tiles)*m.p.Values()), "1/s")
	return nil
}

// fastest keeps the shortest time of several passes.
type fastest time.Duration

func (f *fastest) note(start time.Time) {
	if d := fastest(time.Since(start)); *f == 0 || d < *f {
		*f = d
	}
}

func (f fastest) rate(n int) float64 { return float64(n) / time.Duration(f).Seconds() }

// sumWords is the yardstick: a plain sum over bytes, unrolled.
//
//go:noinline
func sumWords(b []byte) uint64 {
	var s0, s1, s2, s3 uint64
	for len(b) >= 32 {
		w := (*[32]byte)(b)
		s0 += binary.LittleEndian.Uint64(w[0:8])
		s1 += binary.LittleEndian.Uint64(w[8:16])
		s2 += binary.LittleEndian.Uint64(w[16:24])
		s3 += binary.LittleEndian.Uint64(w[24:32])
		b = b[32:]
	}
	return s0 + s1 + s2 + s3
}

// lattigo times the library's own addition of decoded ciphertexts, as many as
// outgrow the caches.
func (m *measuring) lattigo() error {
	in := m.p.in
	eval := heint.NewEvaluator(in.he, nil)
	cts := make([]*rlwe.Ciphertext, min(len(m.tiles), 512))
	for i := range cts {
		cts[i] = heint.NewCiphertext(in.he, 1, limbs-1)
		cts[i].IsBatched, cts[i].Scale = true, in.he.DefaultScale()
		in.load(cts[i].Value[0], m.tiles[i], kindPackedTile, 0)
		in.load(cts[i].Value[1], m.tiles[i], kindPackedTile, 1)
	}
	sum := cts[0].CopyNew()
	const passes = 5
	var best fastest
	for range passes {
		start := time.Now()
		for _, ct := range cts {
			if err := errors.Join(m.ctx.Err(), eval.Add(sum, ct, sum)); err != nil {
				return err
			}
		}
		best.note(start)
	}
	m.report("lattigo_add_values_per_s", best.rate(len(cts)*m.p.Values()), "1/s")
	return nil
}

// open times a member's and the root's part.
func (m *measuring) open() error {
	digest, err := m.acc.Digest()
	if err != nil {
		return err
	}
	root, rest := m.keys[0], m.keys[1:]
	var shares, roots []float64
	for attempt := range 40 {
		o := Opening{Key: "bench", Attempt: attempt, Accumulator: digest, Active: everyPoint(m.p.Threshold()), Root: root.point}
		ds := map[int][]byte{}
		for _, k := range rest {
			start := time.Now()
			d, _, err := k.Contribute(o, m.acc)
			if err := errors.Join(m.ctx.Err(), err); err != nil {
				return err
			}
			shares = append(shares, milliseconds(start))
			ds[k.point] = d
		}
		start := time.Now()
		if _, err := root.Combine(o, m.acc, ds); err != nil {
			return err
		}
		roots = append(roots, milliseconds(start))
	}
	m.report("open_share_ms", median(shares), "ms")
	m.report("open_root_ms", median(roots), "ms")
	return nil
}

func milliseconds(since time.Time) float64 { return float64(time.Since(since).Nanoseconds()) / 1e6 }

func median(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/2]
}
