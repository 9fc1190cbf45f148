package deposit

import (
	"bytes"
	"errors"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/nodeshare"
	"github.com/weirdata/weir/node/vault"
)

// custodians of a node's share, of whom two recover it.
type custodians struct {
	t       *testing.T
	dir     string
	seal    founding.SealKey
	people  []*age.HybridIdentity
	file    string
	cluster catalog.Digest
	head    Head
}

func newCustodians(t *testing.T) *custodians {
	t.Helper()
	c := &custodians{t: t, dir: t.TempDir(), cluster: catalog.Sum([]byte("cluster"))}
	c.seal = founding.SealKey{File: filepath.Join(t.TempDir(), "seal-key")}
	if err := vault.NewKeyFile(c.seal.File); err != nil {
		t.Fatal(err)
	}
	_, err := founding.Init(t.Context(), c.dir, c.seal, founding.Card{
		ID: "n1", Institution: "test", Operator: make([]byte, 32), Addr: "n1.example:1", API: "https://n1.example:2",
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.seal.Open(t.Context(), c.dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(v.Put("key/k-1/3/4", []byte("a share of a key")), v.Put("vector/v-1/7", []byte("a share of a vector")), v.Close()); err != nil {
		t.Fatal(err)
	}
	var to []age.Recipient
	for range 3 {
		id := identity(t)
		c.people, to = append(c.people, id), append(to, id.Recipient())
	}
	c.file = filepath.Join(t.TempDir(), "n1.deposit")
	if c.head, err = Make(t.Context(), c.dir, c.seal, c.cluster, 1000, to, 2, c.file); err != nil {
		t.Fatal(err)
	}
	return c
}

func identity(t *testing.T) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (c *custodians) open() *File {
	c.t.Helper()
	d, err := Open(c.file)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = d.Close() })
	return d
}

func (c *custodians) piece(i int) Piece {
	c.t.Helper()
	p, err := c.open().Own([]age.Identity{c.people[i]})
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

// recover tries to make another machine the node.
func (c *custodians) recover(pieces ...Piece) (string, nodeshare.Info, error) {
	c.t.Helper()
	dir := filepath.Join(c.t.TempDir(), "n1")
	info, err := c.open().Recover(c.t.Context(), dir, c.seal, "n1", nil, pieces)
	return dir, info, err
}

func TestAnyTwoOfThreeCustodiansRecoverANodeAndOneDoesNot(t *testing.T) {
	c := newCustodians(t)
	if len(c.head.Shares) != 1 || c.head.Shares[0] != (catalog.Sharing{Key: "k-1", Epoch: 3, Attempt: 4}) || c.head.Vectors != 1 {
		t.Errorf("it is of %+v and %d vectors", c.head.Shares, c.head.Vectors)
	}
	for _, two := range [][]int{{0, 1}, {2, 0}, {1, 2}, {0, 1, 2}} {
		var pieces []Piece
		for _, i := range two {
			// Each encrypts its piece anew, to the new machine.
			machine := identity(t)
			p := c.piece(i)
			sealed, err := p.Seal([]age.Recipient{machine.Recipient()})
			if err != nil {
				t.Fatal(err)
			}
			if p, err = c.open().OpenPiece(sealed, []age.Identity{machine}); err != nil {
				t.Fatal(err)
			}
			if _, err := c.open().OpenPiece(sealed, []age.Identity{c.people[i]}); !errors.Is(err, backup.ErrIdentity) {
				t.Errorf("somebody else opens it: %v", err)
			}
			pieces = append(pieces, p)
		}
		dir, info, err := c.recover(pieces...)
		if err != nil {
			t.Fatal(err)
		}
		if len(info.Shares) != 1 || info.Vectors != 1 || info.Card.ID != "n1" {
			t.Errorf("recovered %+v", info)
		}
		if m, err := ReadMark(dir); err != nil || m == nil || m.Deposit != c.head.Digest() || m.Use.IsZero() {
			t.Errorf("the mark of its use is %+v (%v)", m, err)
		}
	}
	dir, _, err := c.recover(c.piece(0), c.piece(0))
	if !errors.Is(err, ErrPiece) {
		t.Errorf("one custodian, twice: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was refused left %s (%v)", dir, err)
	}
	// Incident: a restore ceremony on a node that has started already.
	if _, err := c.open().Recover(t.Context(), c.dir, c.seal, "n1", nil, []Piece{c.piece(0), c.piece(1)}); !errors.Is(err, nodeshare.ErrStarted) {
		t.Errorf("where a node is: %v", err)
	}
	if m, err := ReadMark(c.dir); err != nil || m != nil {
		t.Errorf("the node that is there is marked: %+v (%v)", m, err)
	}
	made, _, err := c.recover(c.piece(0), c.piece(1))
	if err != nil {
		t.Fatal(err)
	}
	before, err := ReadMark(made)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.open().Recover(t.Context(), made, c.seal, "n1", nil, []Piece{c.piece(0), c.piece(1)}); !errors.Is(err, nodeshare.ErrStarted) {
		t.Errorf("where it was recovered already: %v", err)
	}
	if after, err := ReadMark(made); err != nil || after == nil || *after != *before {
		t.Errorf("the mark of its use is %+v now, and was %+v (%v)", after, before, err)
	}
	if _, err := c.open().Recover(t.Context(), t.TempDir(), c.seal, "n2", nil, []Piece{c.piece(0), c.piece(1)}); !errors.Is(err, nodeshare.ErrShare) {
		t.Errorf("for another seat: %v", err)
	}
}

// A custodian that hands over something else is named, before anything is tried with it.
func TestAWrongPieceIsNamed(t *testing.T) {
	c, other := newCustodians(t), newCustodians(t)
	d := c.open()
	machine := identity(t)
	for what, change := range map[string]func(*Piece){
		"as it is":                 func(*Piece) {},
		"another value":            func(p *Piece) { p.values[2] ^= 1 },
		"a value beyond the prime": func(p *Piece) { p.values[0] += uint64(modulus) },
		"another's point":          func(p *Piece) { p.Point = 3 },
		"no point":                 func(p *Piece) { p.Point = 0 },
		"of another deposit":       func(p *Piece) { *p = other.piece(1) },
	} {
		p := c.piece(1)
		change(&p)
		sealed, err := p.Seal([]age.Recipient{machine.Recipient()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.OpenPiece(sealed, []age.Identity{machine}); errors.Is(err, ErrPiece) == (what == "as it is") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := d.Own([]age.Identity{machine}); !errors.Is(err, ErrCustodian) {
		t.Errorf("a stranger's key: %v", err)
	}
}

// Attack: the deposit is said to be of something else, or has other custodians.
func TestADepositThatWasChangedIsRefused(t *testing.T) {
	c := newCustodians(t)
	whole, err := os.ReadFile(c.file)
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func([]byte) []byte{
		"another time":       func(b []byte) []byte { return bytes.Replace(b, []byte(`"made":1000`), []byte(`"made":2000`), 1) },
		"a threshold of one": func(b []byte) []byte { return bytes.Replace(b, []byte(`"threshold":2`), []byte(`"threshold":1`), 1) },
		"another epoch":      func(b []byte) []byte { return bytes.Replace(b, []byte(`"epoch":3`), []byte(`"epoch":4`), 1) },
		"another custodian": func(b []byte) []byte {
			return bytes.Replace(b, []byte(c.people[0].Recipient().String()), []byte(identity(t).Recipient().String()), 1)
		},
		"half of it":           func(b []byte) []byte { return b[:len(b)-10] },
		"a bit of the payload": func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"no head":              func(b []byte) []byte { return b[bytes.IndexByte(b, '\n'):] },
		"nothing":              func([]byte) []byte { return nil },
	} {
		changed := change(bytes.Clone(whole))
		if bytes.Equal(changed, whole) {
			t.Fatalf("%s changes nothing", what)
		}
		file := filepath.Join(t.TempDir(), "changed.deposit")
		if err := os.WriteFile(file, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(file); !errors.Is(err, ErrDeposit) {
			t.Errorf("%s: %v", what, err)
		}
	}
	classic, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "n1.deposit")
	_, err = Make(t.Context(), c.dir, c.seal, c.cluster, 1, []age.Recipient{classic.Recipient(), c.people[0].Recipient()}, 2, file)
	if !errors.Is(err, ErrCustodian) {
		t.Errorf("a custodian whose key is none against a quantum computer: %v", err)
	}
	if left, err := filepath.Glob(file + "*"); err != nil || len(left) > 0 {
		t.Errorf("what was refused left %v (%v)", left, err)
	}
}

// Nobody opens the payload without the custodians' secret, with the keys of all of them.
func TestThePayloadIsEncryptedToNobodyAlone(t *testing.T) {
	c := newCustodians(t)
	d := c.open()
	if _, err := d.file.Seek(d.body, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	_, err := age.Decrypt(d.file, c.people[0], c.people[1], c.people[2])
	if _, none := errors.AsType[*age.NoIdentityMatchError](err); !none {
		t.Errorf("opened by keys alone: %v", err)
	}
}

func TestSharesOfTheSecretSayNothingUntilThereAreEnough(t *testing.T) {
	if p := new(big.Int).SetUint64(uint64(modulus)); !p.ProbablyPrime(40) {
		t.Fatalf("%s is no prime", p)
	}
	for _, x := range []struct{ threshold, n int }{{2, 2}, {2, 3}, {3, 5}, {5, 5}, {9, 16}} {
		secret, pieces, err := share(x.threshold, x.n)
		if err != nil || len(pieces) != x.n {
			t.Fatal(len(pieces), err)
		}
		var points []int
		for i := range x.n {
			points = append(points, i+1)
		}
		from := x.n - x.threshold
		got, on := recoverSecret(points[from:], pieces[from:], x.threshold)
		if !on || got != secret {
			t.Errorf("%d of %d do not recover it", x.threshold, x.n)
		}
		if _, on := recoverSecret(points[from+1:], pieces[from+1:], x.threshold); on {
			t.Errorf("fewer than %d of %d recover it", x.threshold, x.n)
		}
		// With a point fewer every secret is possible: another one at 0 lies on a polynomial of the degree.
		got, on = recoverSecret(append([]int{x.n + 1}, points[from+1:]...), append([]values{{1, 2, 3, 4, 5}}, pieces[from+1:]...), x.threshold)
		if !on || got == secret {
			t.Errorf("with one piece made up the secret of %d of %d is the same", x.threshold, x.n)
		}
		again, _, err := share(x.threshold, x.n)
		if err != nil || again == secret {
			t.Errorf("it is the same twice (%v)", err)
		}
		if x.n > x.threshold { // one of more than are needed is another's
			wrong := append([]values{}, pieces...)
			wrong[0][3]++
			if _, on := recoverSecret(points, wrong, x.threshold); on {
				t.Error("pieces that do not belong together recover something")
			}
		}
	}
}
