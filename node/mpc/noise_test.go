package mpc

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"math/big"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/noise"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/vault"
)

func openVault(t *testing.T, dir string) *vault.Vault {
	t.Helper()
	v, err := vault.Open(filepath.Join(dir, "vault"), filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil && !errors.Is(err, vault.ErrClosed) {
			t.Error(err)
		}
	})
	return v
}

func newDrawer(t *testing.T) (*drawer, string) {
	t.Helper()
	dir := t.TempDir()
	if err := vault.NewKeyFile(filepath.Join(dir, "key")); err != nil {
		t.Fatal(err)
	}
	return &drawer{secrets: openVault(t, dir)}, dir
}

func laplace(t *testing.T, scale int64) noise.Law {
	t.Helper()
	l, err := noise.NewLaplace(big.NewRat(scale, 1))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// noisedPlan is as much of a plan as the drawer needs.
func noisedPlan(groups int, laws ...noise.Law) *plan.Plan {
	return &plan.Plan{Dataset: "d", Version: 1, Groups: make([]catalog.GroupIndex, groups), Kinds: slices.Repeat([]catalog.Column{{Measure: "m"}}, len(laws)), Columns: make([]int, len(laws)), Noise: laws, Width: groups * len(laws)}
}

func dataParameters(t testing.TB) he.Parameters {
	t.Helper()
	p, err := he.NewParameters(he.DataParameters(3, 2))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// released makes releases of numbers as two nodes do: random shares of known
// sums, each node's stored noise on its own, added up and centred. It returns
// what is left when the sums are taken off. Nodes without noise are those that
// withhold it.
func released(t *testing.T, p he.Parameters, nodes []*drawer, law noise.Law, queries, groups int) []int64 {
	t.Helper()
	var out []int64
	plan := noisedPlan(groups, law)
	for q := range queries {
		total := make([]uint64, groups)
		left := make([]uint64, groups) // what the shares so far are short of the sums
		sums := make([]int64, groups)
		for i := range sums {
			sums[i] = int64(q*1000+i)*1_000_003 - 5_000_000_000
			left[i] = uint64((sums[i]%int64(p.T()) + int64(p.T()))) % p.T()
		}
		for n, d := range nodes {
			share := make([]uint64, groups)
			for i := range share {
				if n == len(nodes)-1 {
					share[i] = left[i]
					continue
				}
				x, err := rand.Int(rand.Reader, new(big.Int).SetUint64(p.T()))
				if err != nil {
					t.Fatal(err)
				}
				share[i] = x.Uint64()
				left[i] = (left[i] + p.T() - share[i]) % p.T()
			}
			if d != nil {
				draws, err := d.draw(fmt.Sprintf("q-%d", q), plan)
				if err != nil {
					t.Fatal(err)
				}
				if err := addNoise(p, share, draws); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.AddMod(total, share); err != nil {
				t.Fatal(err)
			}
		}
		for i, x := range total {
			out = append(out, p.Centre(x)-sums[i])
		}
	}
	return out
}

// chiSquared compares samples with a probability mass on −len/2 … len/2, what
// lies beyond being one bin; it fails beyond 8 standard deviations.
func chiSquared(t *testing.T, samples []int64, mass func(x int) float64, reach int) {
	t.Helper()
	const width = 5
	bins := make([]float64, 2*reach/width+2)
	want := make([]float64, len(bins))
	rest := 1.0
	for x := -reach; x < reach; x++ {
		want[(x+reach)/width] += mass(x) * float64(len(samples))
		rest -= mass(x)
	}
	want[len(bins)-1] = rest * float64(len(samples))
	for _, x := range samples {
		if x < int64(-reach) || x >= int64(reach) {
			bins[len(bins)-1]++
		} else {
			bins[(int(x)+reach)/width]++
		}
	}
	statistic, freedom := 0.0, -1.0
	for i, w := range want {
		if w == 0 {
			continue
		}
		if w < 5 {
			t.Fatalf("bin %d expects only %.2f samples", i, w)
		}
		statistic += (bins[i] - w) * (bins[i] - w) / w
		freedom++
	}
	if statistic > freedom+8*math.Sqrt(2*freedom) {
		t.Errorf("chi-squared is %.1f with %.0f degrees of freedom", statistic, freedom)
	}
}

// laplaceMass is the discrete Laplace distribution of a scale.
func laplaceMass(scale float64) func(int) float64 {
	q := math.Exp(-1 / scale)
	return func(x int) float64 { return (1 - q) / (1 + q) * math.Pow(q, math.Abs(float64(x))) }
}

func TestReleasesCarryTheNoiseOfAllNodesAndWithOneWithheldStillTheWhole(t *testing.T) {
	t.Parallel()
	p := dataParameters(t)
	a, _ := newDrawer(t)
	b, _ := newDrawer(t)
	const scale, queries, groups = 20, 20, 500 // 10,000 releases
	one := laplaceMass(scale)
	both := func(x int) float64 {
		sum := 0.0
		for y := -600; y <= 600; y++ {
			sum += one(y) * one(x-y)
		}
		return sum
	}
	law := laplace(t, scale)
	chiSquared(t, released(t, p, []*drawer{a, b}, law, queries, groups), both, 100)
	// The second node lies and adds none: the first one's is the promised law.
	c, _ := newDrawer(t)
	chiSquared(t, released(t, p, []*drawer{c, nil}, law, queries, groups), one, 80)
}

// At the widest scales no low bit of a released number stays exact.
func TestNoiseHasGranularityOneAtEveryScale(t *testing.T) {
	t.Parallel()
	p := dataParameters(t)
	for _, bits := range []int{10, 40, 50} {
		a, _ := newDrawer(t)
		b, _ := newDrawer(t)
		samples := released(t, p, []*drawer{a, b}, laplace(t, 1<<bits), 1, 2000)
		gcd, odd, size := new(big.Int), 0, 0.0
		for _, x := range samples {
			gcd.GCD(nil, nil, gcd, new(big.Int).Abs(big.NewInt(x)))
			odd += int(x & 1)
			size += math.Abs(float64(x)) / float64(len(samples))
		}
		if gcd.Int64() != 1 || odd < 800 || odd > 1200 {
			t.Errorf("scale 2^%d: gcd %s, %d of %d are odd", bits, gcd, odd, len(samples))
		}
		// E|X+Y| = 3/2·scale.
		if want := 1.5 * math.Exp2(float64(bits)); math.Abs(size/want-1) > 0.2 {
			t.Errorf("scale 2^%d: the mean size is %.3g, want %.3g", bits, size, want)
		}
	}
}

func TestNoiseIsDrawnOnceAcrossRestartsAndConcurrentAttempts(t *testing.T) {
	t.Parallel()
	d, dir := newDrawer(t)
	plan := noisedPlan(100, laplace(t, 1000), laplace(t, 5))
	encoded := func(d *drawer) []byte {
		draws, err := d.draw("q-1", plan)
		if err != nil {
			t.Error(err)
			return nil
		}
		var all []byte
		for _, x := range draws {
			b, err := x.MarshalBinary()
			if err != nil {
				t.Error(err)
			}
			all = append(all, b...)
		}
		return all
	}
	var got [8][]byte
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i] = encoded(d) })
	}
	wg.Wait()
	if err := d.secrets.(*vault.Vault).Close(); err != nil {
		t.Fatal(err)
	}
	d = &drawer{secrets: openVault(t, dir)}
	first := encoded(d)
	for i := range got {
		if len(first) == 0 || !bytes.Equal(got[i], first) {
			t.Errorf("attempt %d had another draw", i)
		}
	}
	other, err := d.draw("q-2", plan)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := other[0].MarshalBinary(); bytes.HasPrefix(first, b) {
		t.Error("two queries have the same noise")
	}
}

// A record that cannot be used is never replaced: that would be a second draw.
func TestStoredNoiseThatDoesNotFitEndsTheAttempt(t *testing.T) {
	t.Parallel()
	d, _ := newDrawer(t)
	planned := noisedPlan(10, laplace(t, 1000))
	if _, err := d.draw("q", planned); err != nil {
		t.Fatal(err)
	}
	good, err := d.secrets.Get(secretNoise("q"))
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*plan.Plan{
		"more groups": noisedPlan(11, laplace(t, 1000)), "another law": noisedPlan(10, laplace(t, 999)), "more columns": noisedPlan(10, laplace(t, 1000), laplace(t, 1000)),
	} {
		if _, err := d.draw("q", p); err == nil || !failure.Ends(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, b := range map[string][]byte{"empty": {}, "cut off": good[:len(good)-1], "other bytes": bytes.Repeat([]byte{7}, len(good))} {
		if err := d.secrets.Put(secretNoise("q"), b); err != nil {
			t.Fatal(err)
		}
		if _, err := d.draw("q", planned); err == nil || !failure.Ends(err) {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := d.secrets.Get(secretNoise("q")); err != nil || !bytes.Equal(after, b) {
			t.Errorf("%s: the record was replaced (%v)", name, err)
		}
	}
}

// FuzzDecodeDraws: noise that is stored is that of the plan, number for number, or it is
// refused; it is never drawn anew.
func FuzzDecodeDraws(f *testing.F) {
	law, err := noise.NewLaplace(big.NewRat(40, 1))
	if err != nil {
		f.Fatal(err)
	}
	plan := noisedPlan(3, law, noise.Law{})
	digest := plan.Digest()
	one, err := noise.Draw{Law: law, Values: []int64{1, -2, math.MaxInt64}}.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packParts([][]byte{digest[:], one, nil}))
	f.Add(packParts([][]byte{digest[:], one, one}))
	f.Add(packParts([][]byte{digest[:], one[:len(one)-1], nil}))
	f.Add(packParts([][]byte{digest[1:], one, nil}))
	f.Fuzz(func(t *testing.T, b []byte) {
		draws, err := decodeDraws(b, digest, plan)
		if err != nil {
			return
		}
		parts := [][]byte{digest[:]}
		for i, d := range draws {
			if len(d.Values) != len(plan.Groups) {
				t.Fatalf("column %d has %d numbers", i, len(d.Values))
			}
			if noNoise(plan.Noise[i]) {
				parts = append(parts, nil)
				continue
			}
			written, err := d.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, written)
		}
		if !bytes.Equal(packParts(parts), b) {
			t.Fatalf("%x is written as %x", b, packParts(parts))
		}
	})
}
