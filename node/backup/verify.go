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
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/objects"
)

// Archive is a backup with what opens it.
type Archive struct {
	Manifest
	Store objects.Store
	With  []age.Identity
}

// Object is the name of a part in the store.
func (a Archive) Object(p Part) string { return p.object(a.Recipients) }

// Load reads one part and compares it with its digest; ErrDamaged where it is not there, or not
// what it was.
func (a Archive) Load(ctx context.Context, p Part) ([]byte, error) {
	sealed, err := a.Store.Get(ctx, a.Object(p), p.Bytes+p.Bytes/1024+sealOverhead)
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

// Listed are the blobs that an archive lists.
type Listed struct {
	archive Archive
	parts   map[catalog.Digest]Part
}

// Listed are the archive's blobs by their digests.
func (a Archive) Listed() Listed {
	l := Listed{a, make(map[catalog.Digest]Part, len(a.Blobs))}
	for _, p := range a.Blobs {
		l.parts[p.Digest] = p
	}
	return l
}

// Has reports whether a blob is listed.
func (l Listed) Has(d catalog.Digest) bool {
	_, is := l.parts[d]
	return is
}

// Load is Archive.Load of a blob; one that is not listed is ErrDamaged.
func (l Listed) Load(ctx context.Context, d catalog.Digest) ([]byte, error) {
	p, is := l.parts[d]
	if !is {
		return nil, fmt.Errorf("%w: the backup's list leaves out blob %s", ErrDamaged, d)
	}
	return l.archive.Load(ctx, p)
}

// Look is what happens while the ledger of an archive is proved. Each may be nil.
type Look struct {
	// Lot is told of entries that were applied anew: the number of the first, and what is recorded.
	Lot func(l *consensus.Replay, first uint64, lot []evidence.Record) error
	// Proved is told when all of it is.
	Proved func(l *consensus.Replay) error
}

// CheckLedger reads the ledger into a directory, which holds nothing and which the caller
// removes, and proves it: its state is what its entries make, and those are what the manifest's
// checkpoint signs.
func (a Archive) CheckLedger(ctx context.Context, dir string, m consensus.Machine, look Look) (err error) {
	l, err := consensus.OpenReplay(dir, a.Stream(ctx), m)
	if err != nil {
		return damagedLedger(err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	x, err := l.Run(ctx, func(first uint64, lot []evidence.Record) error {
		if look.Lot == nil {
			return nil
		}
		return look.Lot(l, first, lot)
	})
	if err == nil {
		err = a.isSigned(x)
	}
	if err != nil || look.Proved == nil {
		return damagedLedger(err)
	}
	return look.Proved(l)
}

// damagedLedger tells a ledger that is not what it was from other faults.
func damagedLedger(err error) error {
	if errors.Is(err, consensus.ErrExport) || errors.Is(err, consensus.ErrCorruptSnapshot) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// isSigned compares a ledger with the checkpoint.
func (a Archive) isSigned(x consensus.Exported) error {
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
// store, so that the next backup copies them again.
func (a Archive) CheckParts(ctx context.Context, damaged func(Part, error), progress func(done, all int)) error {
	return a.ReadParts(ctx, func(p Part, err error) error {
		damaged(p, err)
		return a.Store.Remove(ctx, p.object(a.Recipients))
	}, progress)
}

// ReadParts reads every part, and changes nothing. Those that are damaged are told to damaged. A
// part that the identities do not open is damaged where they open others, which are encrypted to
// the same recipients.
func (a Archive) ReadParts(ctx context.Context, damaged func(Part, error) error, progress func(done, all int)) error {
	parts := slices.Concat(a.Ledger, a.Blobs)
	unopened := map[Part]error{}
	for i, p := range parts {
		_, err := a.Load(ctx, p)
		switch {
		case errors.Is(err, ErrDamaged):
			err = damaged(p, err)
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
			if err := damaged(p, fmt.Errorf("%w: %w", ErrDamaged, err)); err != nil {
				return err
			}
		}
	}
	return nil
}
