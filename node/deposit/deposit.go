package deposit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"filippo.io/age"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/custody"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/nodeshare"
	"github.com/weirdata/weir/node/vault"
)

// Why a deposit is refused.
var (
	// ErrDeposit is returned for a file that is no deposit, or was changed.
	ErrDeposit = errors.New("unusable deposit")
	// ErrPiece is returned for a piece that is none of the deposit.
	ErrPiece = errors.New("unusable piece")
	// ErrCustodian is returned for a key that is no custodian's.
	ErrCustodian = errors.New("unusable custodian")
)

// Custodian is one of those who recover a deposit.
type Custodian struct {
	Recipient  string         `json:"recipient"` // age, post-quantum
	Commitment catalog.Digest `json:"commitment"`
}

// Head says what a deposit is. Nothing in it is secret.
type Head struct {
	Version    int               `json:"v"`
	ID         catalog.Digest    `json:"id"` // drawn
	Cluster    catalog.Digest    `json:"cluster"`
	Card       founding.Card     `json:"card"`
	Made       int64             `json:"made"` // Unix milliseconds
	Threshold  int               `json:"threshold"`
	Shares     []catalog.Sharing `json:"shares"` // of publishers' keys
	Vectors    int               `json:"vectors"`
	Custodians []Custodian       `json:"custodians"` // point 1 first
	Payload    catalog.Digest    `json:"payload"`    // of what is behind the first line
	Signature  []byte            `json:"signature,omitempty"`
	// Pieces are encrypted to one custodian each. They name the head, so it does not sign them.
	Pieces [][]byte `json:"pieces,omitempty"`
}

const (
	headVersion = 1
	headContext = "weir node deposit v1\n"
	maxHead     = 8 << 20 // bytes: sixteen custodians, and shares of thousands of keys
	maxPiece    = 64 << 10
	pieceBytes  = 4 << 10
)

func (h Head) signedBytes() []byte {
	h.Signature, h.Pieces = nil, nil
	return append([]byte(headContext), catalog.Encode(h)...)
}

// Digest names the deposit.
func (h Head) Digest() catalog.Digest { return catalog.Sum(h.signedBytes()) }

// Register is the entry that lists the deposit.
func (h Head) Register() custody.Register {
	b := custody.Register{Deposit: h.Digest(), Node: h.Card.ID, Key: h.Card.Key, Made: h.Made, Threshold: h.Threshold, Shares: h.Shares}
	for _, c := range h.Custodians {
		b.Custodians = append(b.Custodians, custody.Fingerprint(c.Recipient))
	}
	return b
}

func (h Head) check() error {
	switch {
	case h.Version != headVersion:
		return fmt.Errorf("%w: version %d, this program reads version %d", ErrDeposit, h.Version, headVersion)
	case len(h.Pieces) != len(h.Custodians):
		return fmt.Errorf("%w: it has %d pieces for %d custodians", ErrDeposit, len(h.Pieces), len(h.Custodians))
	}
	if err := h.Card.Verify(); err != nil {
		return fmt.Errorf("%w: %w", ErrDeposit, err)
	}
	if !ed25519.Verify(h.Card.Key, h.signedBytes(), h.Signature) {
		return fmt.Errorf("%w: its head was changed: the node in it has not signed it", ErrDeposit)
	}
	if err := h.Register().Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrDeposit, err)
	}
	return nil
}

// Make leaves the share of the node in dir, which may be running, with custodians, in a file that is not
// there yet.
func Make(ctx context.Context, dir string, key founding.SealKey, cluster catalog.Digest, now int64, with []age.Recipient, threshold int, file string) (h Head, err error) {
	h = Head{Version: headVersion, Cluster: cluster, Made: now, Threshold: threshold}
	if _, err := rand.Read(h.ID[:]); err != nil {
		return h, fmt.Errorf("name the deposit: %w", err)
	}
	for i, r := range with {
		hybrid, is := r.(*age.HybridRecipient)
		if !is {
			return h, fmt.Errorf("%w: custodian %d has no post-quantum key: make one with `weir operator backup keygen`", ErrCustodian, i+1)
		}
		h.Custodians = append(h.Custodians, Custodian{Recipient: hybrid.String()})
	}
	secret, pieces, err := share(threshold, len(with))
	if err != nil {
		return h, err
	}
	defer clear(secret[:])
	defer clear(pieces)
	for i := range pieces {
		h.Custodians[i].Commitment = commitment(h.ID, i+1, pieces[i])
	}
	to, err := sharedBy(secret, h.ID)
	if err != nil {
		return h, err
	}
	defer vault.Wipe(to.key)
	payload, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".half-") // of mode 0600
	if err != nil {
		return h, fmt.Errorf("write the deposit: %w", err)
	}
	defer func() { err = errors.Join(err, payload.Close(), os.Remove(payload.Name())) }()
	info, err := nodeshare.Export(ctx, dir, key, now, []age.Recipient{to}, payload)
	if err != nil {
		return h, err
	}
	h.Card, h.Shares, h.Vectors = info.Card, info.Shares, info.Vectors
	if h.Payload, err = digestOf(payload); err != nil {
		return h, err
	}
	if err := h.seal(ctx, dir, key, pieces, with); err != nil {
		return h, err
	}
	return h, h.write(payload, file)
}

// seal signs the head and encrypts the pieces.
func (h *Head) seal(ctx context.Context, dir string, key founding.SealKey, pieces []values, with []age.Recipient) error {
	v, err := key.Read(ctx, dir)
	if err != nil {
		return err
	}
	private, err := founding.SigningKey(v)
	defer vault.Wipe(private)
	if err := errors.Join(err, v.Close()); err != nil {
		return err
	}
	h.Signature = ed25519.Sign(private, h.signedBytes())
	for i, r := range with {
		sealed, err := (Piece{Deposit: h.Digest(), Point: i + 1, values: pieces[i]}).Seal([]age.Recipient{r})
		if err != nil {
			return err
		}
		h.Pieces = append(h.Pieces, sealed)
	}
	return h.check()
}

func (h Head) write(payload *os.File, file string) error {
	head, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode the deposit: %w", err)
	}
	if _, err := payload.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("write the deposit: %w", err)
	}
	err = durable.Replace(file, 0o600, func(w io.Writer) error {
		if _, err := w.Write(append(head, '\n')); err != nil {
			return err
		}
		_, err := io.Copy(w, payload)
		return err
	})
	if err != nil {
		return fmt.Errorf("write the deposit: %w", err)
	}
	return nil
}

func digestOf(f *os.File) (catalog.Digest, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return catalog.Digest{}, fmt.Errorf("read the deposit: %w", err)
	}
	return digestRest(f)
}

// File is an open deposit.
type File struct {
	Head
	file *os.File
	body int64 // where the payload begins
}

// Open reads a deposit and checks all that can be checked without a piece. Close it.
func Open(name string) (d *File, err error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, fmt.Errorf("read the deposit: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	line, err := bufio.NewReaderSize(io.LimitReader(f, maxHead), maxHead).ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("%w: %s has no head: %w", ErrDeposit, name, err)
	}
	d = &File{file: f, body: int64(len(line))}
	if err := catalog.DecodeStrict(bytes.TrimSpace(line), &d.Head); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDeposit, name, err)
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := f.Seek(d.body, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the deposit: %w", err)
	}
	got, err := digestRest(f)
	if err != nil {
		return nil, err
	}
	if got != d.Payload {
		return nil, fmt.Errorf("%w: %s was changed, or is not whole", ErrDeposit, name)
	}
	return d, nil
}

// Close closes the file.
func (d *File) Close() error { return d.file.Close() }

// Piece is what a custodian has.
type Piece struct {
	Deposit catalog.Digest
	Point   int
	values  values
}

type pieceFile struct {
	Version int            `json:"v"`
	Deposit catalog.Digest `json:"deposit"`
	Point   int            `json:"point"`
	Values  values         `json:"values"`
}

// Seal encrypts a piece to recipients.
func (p Piece) Seal(to []age.Recipient) ([]byte, error) {
	b, err := json.Marshal(pieceFile{1, p.Deposit, p.Point, p.values})
	if err != nil {
		return nil, fmt.Errorf("encode the piece: %w", err)
	}
	defer vault.Wipe(b)
	return backup.Seal(b, to)
}

// Wipe forgets the piece.
func (p *Piece) Wipe() { clear(p.values[:]) }

// OpenPiece opens a custodian's piece that was encrypted anew, or one in the deposit, and checks that it is
// the one that was handed out.
func (d *File) OpenPiece(sealed []byte, with []age.Identity) (p Piece, err error) {
	if len(sealed) > maxPiece {
		return p, fmt.Errorf("%w: it has more than %d bytes", ErrPiece, maxPiece)
	}
	b, err := backup.Open(sealed, pieceBytes, with)
	if err != nil {
		return p, fmt.Errorf("%w: %w", ErrPiece, err)
	}
	defer vault.Wipe(b)
	var f pieceFile
	if err := catalog.DecodeStrict(b, &f); err != nil {
		return p, fmt.Errorf("%w: %w", ErrPiece, err)
	}
	p = Piece{f.Deposit, f.Point, f.Values}
	switch {
	case f.Version != 1:
		return p, fmt.Errorf("%w: version %d, this program reads version 1", ErrPiece, f.Version)
	case p.Deposit != d.Digest():
		return p, fmt.Errorf("%w: it is of deposit %s, and this is %s", ErrPiece, p.Deposit, d.Digest())
	case p.Point < 1 || p.Point > len(d.Custodians) || !p.values.check():
		return p, fmt.Errorf("%w: it is of no custodian", ErrPiece)
	case commitment(d.ID, p.Point, p.values) != d.Custodians[p.Point-1].Commitment:
		return p, fmt.Errorf("%w: it is not the piece that custodian %d, with the key %s, was given",
			ErrPiece, p.Point, custody.Fingerprint(d.Custodians[p.Point-1].Recipient))
	}
	return p, nil
}

// Own is the piece of a custodian, whose identities are given.
func (d *File) Own(with []age.Identity) (Piece, error) {
	for i, sealed := range d.Pieces {
		p, err := d.OpenPiece(sealed, with)
		if errors.Is(err, backup.ErrIdentity) {
			continue
		}
		if err == nil && p.Point != i+1 {
			err = fmt.Errorf("%w: it is in the place of another", ErrPiece)
		}
		return p, err
	}
	return Piece{}, fmt.Errorf("%w: no piece of it is encrypted to that key: it is no custodian's of this deposit", ErrCustodian)
}

// Recover makes dir the node of the deposit, on a machine on which none has started: see nodeshare.Import.
// The node will say in the ledger that the deposit was used.
func (d *File) Recover(ctx context.Context, dir string, key founding.SealKey, seat string, g *founding.Genesis, pieces []Piece) (info nodeshare.Info, err error) {
	var points []int
	var all []values
	for _, p := range pieces {
		if !slices.Contains(points, p.Point) {
			points, all = append(points, p.Point), append(all, p.values)
		}
	}
	if len(points) < d.Threshold {
		return info, fmt.Errorf("%w: there are pieces of %d custodians, and %d are needed", ErrPiece, len(points), d.Threshold)
	}
	secret, on := recoverSecret(points, all, d.Threshold)
	if !on {
		return info, fmt.Errorf("%w: the pieces do not belong together", ErrPiece)
	}
	defer clear(secret[:])
	with, err := sharedBy(secret, d.ID)
	if err != nil {
		return info, err
	}
	defer vault.Wipe(with.key)
	if err := nodeshare.CheckNeverStarted(dir); err != nil {
		return info, err
	}
	if g != nil && g.Cluster() != d.Cluster {
		return info, fmt.Errorf("%w: it is of cluster %s, and the founding is of %s", ErrDeposit, d.Cluster, g.Cluster())
	}
	mark := Mark{Version: 1, Deposit: d.Digest()}
	if _, err := rand.Read(mark.Use[:]); err != nil {
		return info, fmt.Errorf("mark the use: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return info, fmt.Errorf("make the node's directory: %w", err)
	}
	if err := mark.write(dir); err != nil { // first: no node is without it
		return info, err
	}
	if _, err := d.file.Seek(d.body, io.SeekStart); err != nil {
		return info, fmt.Errorf("read the deposit: %w", err)
	}
	if info, err = nodeshare.Import(ctx, dir, key, seat, g, []age.Identity{with}, d.file); err != nil {
		return info, errors.Join(err, os.Remove(filepath.Join(dir, FileMark)))
	}
	return info, nil
}
