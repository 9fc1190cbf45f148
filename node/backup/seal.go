package backup

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"github.com/weirdata/weir/node/objects"
)

// sealOverhead is more than age adds to a part: a header with some hundred recipients of
// post-quantum form (2 kB each), a nonce, and 16 bytes for each 64 KiB.
const sealOverhead = 1 << 20

func asKey(b []byte) ed25519.PublicKey { return b }

// Seal encrypts to recipients.
func Seal(b []byte, to []age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to...)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	if _, err := w.Write(b); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return out.Bytes(), nil
}

// ErrIdentity is returned when no identity that was given opens what was encrypted.
var ErrIdentity = errors.New("it was encrypted to somebody else")

// Open decrypts at most so many bytes.
func Open(sealed []byte, limit int64, with []age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), with...)
	if none, is := errors.AsType[*age.NoIdentityMatchError](err); is {
		return nil, fmt.Errorf("%w: %w", ErrIdentity, none)
	}
	if err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	b, err := objects.ReadAll(r, limit)
	if err != nil {
		return nil, fmt.Errorf("decrypt: %w", err)
	}
	return b, nil
}

// Recipients reads recipients: each is one of age's (age1…), or a file of them, one a line.
func Recipients(given []string) (all []age.Recipient, err error) {
	for _, g := range given {
		var from io.Reader = strings.NewReader(g)
		if !strings.HasPrefix(g, "age1") {
			b, err := os.ReadFile(filepath.Clean(g))
			if err != nil {
				return nil, fmt.Errorf("read the recipients: %w; a recipient begins with age1", err)
			}
			from = bytes.NewReader(b)
		}
		list, err := age.ParseRecipients(from)
		if err != nil {
			return nil, fmt.Errorf("read the recipient %.60q: %w", g, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

// Identities reads files of age's secret keys. Nothing of what is in them is told.
func Identities(files []string) (all []age.Identity, err error) {
	for _, file := range files {
		f, err := os.Open(filepath.Clean(file))
		if err != nil {
			return nil, fmt.Errorf("read the identity: %w", err)
		}
		list, err := age.ParseIdentities(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("read the identity %s: %w", file, err)
		}
		all = append(all, list...)
	}
	return all, nil
}
