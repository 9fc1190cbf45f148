package vault

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirdata/weir/consensus/durable"
)

// KeySize is the length of the vault's key in bytes.
const KeySize = 32

// keyPrefix marks and versions a key file; hex digits follow.
const keyPrefix = "weir-seal-key-1:"

// maxKeyFile bounds what is read of a key file: prefix, digits, some blanks.
const maxKeyFile = 256

// ErrKeyFile is returned when a key file is not one, or is one that others may
// read.
var ErrKeyFile = errors.New("unusable seal key file")

// NewKeyFile draws a key and writes it to a new file of mode 0600, durably. It
// never overwrites: the error is fs.ErrExist when path exists.
func NewKeyFile(path string) error {
	key := make([]byte, KeySize)
	defer Wipe(key)
	rand.Read(key) // never fails
	text := keyText(key)
	defer Wipe(text)

	if err := durable.WriteNew(path, text, 0o600); err != nil {
		return fmt.Errorf("write seal key file: %w", err)
	}
	if err := durable.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write seal key file %s: %w", path, err)
	}
	return nil
}

// keyText is the content of a key file.
func keyText(key []byte) []byte {
	text := make([]byte, 0, len(keyPrefix)+2*KeySize+1)
	text = append(text, keyPrefix...)
	text = hex.AppendEncode(text, key)
	return append(text, '\n')
}

// parseKey decodes the text of a key file. Its errors do not quote the text.
func parseKey(text []byte) ([]byte, error) {
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("longer than %d bytes", maxKeyFile)
	}
	digits, ok := strings.CutPrefix(strings.TrimSpace(string(text)), keyPrefix)
	if !ok {
		return nil, fmt.Errorf("does not begin with %q", keyPrefix)
	}
	if len(digits) != 2*KeySize {
		return nil, fmt.Errorf("%d hex digits, want %d", len(digits), 2*KeySize)
	}
	key, err := hex.DecodeString(digits)
	if err != nil {
		return nil, errors.New("not hex digits")
	}
	return key, nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
