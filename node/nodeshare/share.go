// Package nodeshare carries what makes a machine a node to another machine, encrypted to people of
// its institution.
package nodeshare

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/vault"
)

// A node's share is all that makes a machine that node: its keys, its shares of publishers' keys
// and of private vectors, the noise that it drew, and on which past it is on record. It is no
// part of a backup: each institution keeps its own, encrypted to whom it names. Form: age, of
// lines of JSON, the first a shareHead, each other a shareSecret. That it ends too early, age
// notices.

// shareHead is the first line.
type shareHead struct {
	Version int           `json:"v"`
	Made    int64         `json:"made"` // Unix milliseconds
	Card    founding.Card `json:"card"`
}

type shareSecret struct {
	Name   string `json:"name"`
	Secret []byte `json:"secret"`
}

const (
	shareVersion = 1
	// maxShareLine bounds a line of a share, in bytes.
	maxShareLine = vault.MaxSecret*4/3 + 4096
	// prefixAnswered begins the names of what a node keeps to answer a query again without
	// opening it again. Losing it costs an opening and nothing else, and it is most of a vault.
	prefixAnswered = "answered/"
)

var (
	// ErrShare is returned for a file that is no share, or not of this seat.
	ErrShare = errors.New("unusable share")
	// ErrStarted is returned when a share is to be put where a node has started already.
	ErrStarted = errors.New("a node has started here already")
)

// Info says what a share has.
type Info struct {
	Card    founding.Card
	Made    int64 // Unix milliseconds
	Secrets int
	Shares  []catalog.Sharing // of publishers' keys
	Vectors int               // shares of private vectors
}

func (i *Info) count(name string) {
	i.Secrets++
	if mpc.IsVectorShare(name) {
		i.Vectors++
	}
	if s, is := mpc.KeyShare(name); is {
		i.Shares = append(i.Shares, s)
	}
}

// Export writes the share of the node in dir, which may be running, encrypted to recipients.
func Export(ctx context.Context, dir string, key founding.SealKey, now int64, to []age.Recipient, out io.Writer) (info Info, err error) {
	if info.Card, err = founding.OwnCard(dir); err != nil {
		return info, err
	}
	info.Made = now
	v, err := key.Read(ctx, dir)
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	names, err := v.List("")
	if err != nil {
		return info, err
	}
	if !slices.Contains(names, founding.SecretIdentity) || !slices.Contains(names, founding.SecretSealing) {
		return info, fmt.Errorf("%s has no key of a node: give the directory that node %s was made in", dir, info.Card.ID)
	}
	w, err := age.Encrypt(out, to...)
	if err != nil {
		return info, fmt.Errorf("encrypt the share: %w", err)
	}
	lines := json.NewEncoder(w)
	if err := lines.Encode(shareHead{shareVersion, now, info.Card}); err != nil {
		return info, fmt.Errorf("write the share: %w", err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, prefixAnswered) {
			continue
		}
		secret, err := v.Get(name)
		if errors.Is(err, vault.ErrNotFound) {
			continue // the node has erased it meanwhile
		}
		if err != nil {
			return info, err
		}
		err = lines.Encode(shareSecret{name, secret}) //nolint:gosec // G117: into the encryption
		vault.Wipe(secret)
		if err != nil {
			return info, fmt.Errorf("write the share: %w", err)
		}
		info.count(name)
	}
	if err := w.Close(); err != nil {
		return info, fmt.Errorf("write the share: %w", err)
	}
	return info, nil
}

// Import makes dir the node of a share, on a machine on which no node has started. seat is
// the node's id, and g, where it is given, the founding that has to have it. The node is on
// record to have had a ledger, so that without one, or with an older one, it has no vote until it
// has caught up.
func Import(ctx context.Context, dir string, key founding.SealKey, seat string, g *founding.Genesis, with []age.Identity, in io.Reader) (info Info, err error) {
	if err := CheckNeverStarted(dir); err != nil {
		return info, err
	}
	lines, err := openLines(in, with)
	if err != nil {
		return info, err
	}
	if info, err = readShareHead(lines); err != nil {
		return info, err
	}
	if info.Card.ID != seat {
		return info, fmt.Errorf("%w: it is of node %s, and this machine is to be node %s: take it to that machine", ErrShare, info.Card.ID, seat)
	}
	if g != nil {
		if err := g.CheckMember(info.Card); err != nil {
			return info, fmt.Errorf("%w: %w", ErrShare, err)
		}
	}
	v, err := key.Open(ctx, dir)
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	identity, err := putSecrets(v, lines, &info)
	defer vault.Wipe(identity)
	if err != nil {
		return info, err
	}
	if err := durable.WriteFile(filepath.Join(dir, founding.FileCard), info.Card.Marshal(), 0o600); err != nil {
		return info, fmt.Errorf("write the node's card: %w", err)
	}
	if _, err := v.Get(founding.SecretLedger); errors.Is(err, vault.ErrNotFound) { // exported before it had one
		lost, err := consensus.LostRecord()
		if err != nil {
			return info, err
		}
		if err := v.Put(founding.SecretLedger, lost); err != nil {
			return info, err
		}
	} else if err != nil {
		return info, err
	}
	// The identity is last, as at Init.
	if err := v.Put(founding.SecretIdentity, identity); err != nil {
		return info, err
	}
	return info, info.Card.CheckKeys(ctx, dir, key)
}

// CheckNeverStarted refuses a directory in which a node is, or has been. A share is older than
// what such a node knows: it would forget what it voted, drew and signed.
func CheckNeverStarted(dir string) error {
	if err := founding.CheckVacant(dir); err != nil {
		return fmt.Errorf("%w: %w", ErrStarted, err)
	}
	for _, part := range []string{founding.DirLedger, founding.DirBlobs, founding.FileRoster} {
		_, err := os.Lstat(filepath.Join(dir, part))
		if err == nil {
			return fmt.Errorf("%w: %s has %s: a share is older than what that node knew; start it as it is, or give an empty directory", ErrStarted, dir, part)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("look whether a node has started in %s: %w", dir, err)
		}
	}
	return nil
}

// openLines decrypts a share.
func openLines(in io.Reader, with []age.Identity) (*bufio.Scanner, error) {
	r, err := age.Decrypt(in, with...)
	if _, none := errors.AsType[*age.NoIdentityMatchError](err); none {
		return nil, fmt.Errorf("%w: it was encrypted to somebody else: %w", ErrShare, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrShare, err)
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxShareLine)
	return lines, nil
}

// Secrets are what a share has, by name. They are in memory alone.
type Secrets map[string][]byte

// Wipe overwrites them.
func (s Secrets) Wipe() {
	for _, secret := range s {
		vault.Wipe(secret)
	}
}

// Read reads a share without making a machine of it. The caller wipes the secrets.
func Read(with []age.Identity, in io.Reader) (info Info, secrets Secrets, err error) {
	lines, err := openLines(in, with)
	if err == nil {
		info, err = readShareHead(lines)
	}
	if err != nil {
		return info, nil, err
	}
	secrets = Secrets{}
	err = eachSecret(lines, &info, func(s shareSecret) error {
		secrets[s.Name] = s.Secret
		return nil
	})
	if err != nil {
		secrets.Wipe()
		return info, nil, err
	}
	return info, secrets, nil
}

func readShareHead(lines *bufio.Scanner) (info Info, err error) {
	var head shareHead
	if !lines.Scan() {
		return info, errors.Join(fmt.Errorf("%w: it is empty", ErrShare), lines.Err())
	}
	if err := catalog.DecodeStrict(lines.Bytes(), &head); err != nil {
		return info, fmt.Errorf("%w: %w", ErrShare, err)
	}
	if head.Version != shareVersion {
		return info, fmt.Errorf("%w: version %d, this program reads version %d", ErrShare, head.Version, shareVersion)
	}
	if err := head.Card.Verify(); err != nil {
		return info, fmt.Errorf("%w: %w", ErrShare, err)
	}
	return Info{Card: head.Card, Made: head.Made}, nil
}

// eachSecret reads and counts the secrets after the head.
func eachSecret(lines *bufio.Scanner, info *Info, take func(shareSecret) error) error {
	for lines.Scan() {
		var s shareSecret
		if err := catalog.DecodeStrict(lines.Bytes(), &s); err != nil {
			return fmt.Errorf("%w: secret %d: %w", ErrShare, info.Secrets+1, err)
		}
		info.count(s.Name)
		if err := take(s); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrShare, err)
	}
	return nil
}

// putSecrets stores all but the identity, which it returns.
func putSecrets(v *vault.Vault, lines *bufio.Scanner, info *Info) (identity []byte, err error) {
	err = eachSecret(lines, info, func(s shareSecret) error {
		if s.Name == founding.SecretIdentity {
			identity = s.Secret
			return nil
		}
		err := v.Put(s.Name, s.Secret)
		vault.Wipe(s.Secret)
		return err
	})
	if err != nil {
		return identity, err
	}
	if identity == nil {
		return nil, fmt.Errorf("%w: it has no key of a node", ErrShare)
	}
	return identity, nil
}
