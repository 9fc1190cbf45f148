package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/compute/he"
)

// encryptor makes a collective key, whose shares are forgotten, and encrypts
// under it.
func encryptor(p he.Parameters) (*he.Encryptor, error) {
	var reference [32]byte
	if _, err := rand.Read(reference[:]); err != nil {
		return nil, err
	}
	var publics [][]byte
	for point := 1; point <= p.Nodes(); point++ {
		d, err := he.NewDealer(p, reference, point)
		if err != nil {
			return nil, err
		}
		publics = append(publics, d.PublicShare())
		d.Erase()
	}
	public, err := he.CombinePublicShares(p, reference, publics)
	if err != nil {
		return nil, err
	}
	return he.NewEncryptor(p, public)
}

// readings are a tile's values, small as readings are.
func readings(p he.Parameters) []int64 {
	values := make([]int64, p.Values())
	for i := range values {
		values[i] = int64(i%1000) - 500
	}
	return values
}

// encryptTwice compares two goroutines with one, taking turns.
func (f *Figures) encryptTwice(ctx context.Context, p he.Parameters, e *he.Encryptor) error {
	const passes, each = 8, 50
	values := readings(p)
	var one, two fastest
	for range passes {
		start := time.Now()
		if err := encryptMany(ctx, p, e, values, each); err != nil {
			return err
		}
		one.note(start)
		start = time.Now()
		var g errgroup.Group
		for range 2 {
			own := e.ShallowCopy()
			g.Go(func() error { return encryptMany(ctx, p, own, values, each) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
		two.note(start)
	}
	rate := two.rate(2 * each * len(values))
	f.add("encrypt_2_values_per_s", rate, "1/s")
	f.add("encrypt_2_ratio", rate/one.rate(each*len(values)), "1")
	return nil
}

func encryptMany(ctx context.Context, p he.Parameters, e *he.Encryptor, values []int64, n int) error {
	tile := make([]byte, p.PackedTileBytes())
	for range n {
		if err := errors.Join(ctx.Err(), e.Encrypt(values, tile)); err != nil {
			return err
		}
	}
	return nil
}
