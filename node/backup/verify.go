package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"filippo.io/age"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus"
)

// Archive is a backup with what opens it.
type Archive struct {
	Manifest
	Store Store
	With  []age.Identity
}

// Load reads one part and compares it with its digest; ErrDamaged where it is not there, or not
// what it was.
func (a Archive) Load(ctx context.Context, p Part) ([]byte, error) {
	sealed, err := a.Store.Get(ctx, p.object(a.Recipients), p.Bytes+p.Bytes/1024+sealOverhead)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: part %s is not there", ErrDamaged, p.Digest)
	}
	if err != nil {
		return nil, err
	}
	b, err := Open(sealed, p.Bytes, a.With)
	if errors.Is(err, ErrIdentity) {
		return nil, fmt.Errorf("part %s: %w", p.Digest, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: part %s: %w", ErrDamaged, p.Digest, err)
	}
	if got := catalog.Sum(b); got != p.Digest || int64(len(b)) != p.Bytes {
		return nil, fmt.Errorf("%w: part %s has %d bytes with the digest %s", ErrDamaged, p.Digest, len(b), got)
	}
	return b, nil
}

// Stream is the stream of the ledger. Of its parts one is in memory at a time.
func (a Archive) Stream(ctx context.Context) io.Reader {
	return &ledgerReader{ctx, a, a.Ledger, nil}
}

type ledgerReader struct {
	ctx     context.Context
	archive Archive
	rest    []Part
	part    []byte
}

// Read implements io.Reader.
func (r *ledgerReader) Read(b []byte) (int, error) {
	for len(r.part) == 0 {
		if len(r.rest) == 0 {
			return 0, io.EOF
		}
		part, err := r.archive.Load(r.ctx, r.rest[0])
		if err != nil {
			return 0, err
		}
		r.part, r.rest = part, r.rest[1:]
	}
	n := copy(b, r.part)
	r.part = r.part[n:]
	return n, nil
}

// CheckLedger reads the ledger into a directory, which holds nothing and which the caller
// removes, and proves it: its state is what its entries make, and those are what the manifest's
// checkpoint signs.
func (a Archive) CheckLedger(ctx context.Context, dir string, m consensus.Machine) error {
	x, err := consensus.CheckExport(ctx, dir, a.Stream(ctx), m)
	if errors.Is(err, consensus.ErrExport) || errors.Is(err, consensus.ErrCorruptSnapshot) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return err
	}
	if x.Size != a.Size || catalog.Digest(x.Root) != a.Root {
		return fmt.Errorf("%w: its ledger has %d entries with the root %s, the signed checkpoint is of %d with %s", ErrDamaged,
			x.Size, catalog.Digest(x.Root), a.Size, a.Root)
	}
	return nil
}

// Absent lists the parts that the store does not have by their names. It opens nothing and needs
// no identity.
func (a Archive) Absent(ctx context.Context) (absent []Part, err error) {
	have := map[Part]bool{}
	err = a.Store.List(ctx, partsTo(a.Recipients), func(name string) error {
		if p, ok := parsePart(a.Recipients, name); ok {
			have[p] = true
		}
		return nil
	})
	for _, p := range slices.Concat(a.Ledger, a.Blobs) {
		if !have[p] {
			absent = append(absent, p)
		}
	}
	return absent, err
}

// CheckParts reads every part. Those that are damaged are told to damaged, and removed from the
// store, so that the next backup copies them again. A part that the identities do not open
// is damaged where they open others, which are encrypted to the same recipients.
func (a Archive) CheckParts(ctx context.Context, damaged func(Part, error), progress func(done, all int)) error {
	parts := slices.Concat(a.Ledger, a.Blobs)
	remove := func(p Part, err error) error {
		damaged(p, err)
		return a.Store.Remove(ctx, p.object(a.Recipients))
	}
	unopened := map[Part]error{}
	for i, p := range parts {
		_, err := a.Load(ctx, p)
		switch {
		case errors.Is(err, ErrDamaged):
			err = remove(p, err)
		case errors.Is(err, ErrIdentity):
			unopened[p], err = err, nil
		}
		if err != nil {
			return err
		}
		progress(i+1, len(parts))
	}
	for _, p := range parts {
		err, is := unopened[p]
		switch {
		case !is:
		case len(unopened) == len(parts):
			return err
		default:
			if err := remove(p, fmt.Errorf("%w: %w", ErrDamaged, err)); err != nil {
				return err
			}
		}
	}
	return nil
}
