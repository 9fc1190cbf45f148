package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"github.com/weirdata/weir/consensus/durable"
)

// A key file may be under a passphrase: an age file (age-encryption.org/v1) with one scrypt
// recipient, whose content is the text of a key file. The age program opens it too.

const (
	agePrefix = "age-encryption.org/v1\n"
	// workFactor is scrypt's log2 N: about a second and 256 MB for each guess.
	workFactor = 18
	// maxLockedFile bounds what is read of a key file under a passphrase.
	maxLockedFile = 4096
	// MinPassphrase is the least length of a passphrase, in bytes.
	MinPassphrase = 12
)

var (
	// ErrLocked is returned for a key file under a passphrase that was not given.
	ErrLocked = errors.New("the seal key file is under a passphrase")
	// ErrPassphrase is returned for a passphrase that does not open the key file.
	ErrPassphrase = errors.New("the passphrase is not the one of the seal key file")
	// ErrShortPassphrase is returned for a passphrase that is not worth its name.
	ErrShortPassphrase = fmt.Errorf("a passphrase has at least %d characters", MinPassphrase)
)

// Locked reports whether a key file is under a passphrase.
func Locked(path string) (bool, error) {
	text, err := readPrivate(path, maxLockedFile)
	if err != nil {
		return false, err
	}
	defer Wipe(text)
	return bytes.HasPrefix(text, []byte(agePrefix)), nil
}

// Lock puts the key of a key file under a passphrase, in the same place. When it fails the
// old file is still there, or the new one, whole. The blocks of the old file are not
// overwritten: what lay there in the clear may be found on the medium.
func Lock(path string, key, passphrase []byte) error {
	if len(passphrase) < MinPassphrase {
		return ErrShortPassphrase
	}
	recipient, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return fmt.Errorf("put the seal key under a passphrase: %w", err)
	}
	recipient.SetWorkFactor(workFactor)
	var b bytes.Buffer
	w, err := age.Encrypt(&b, recipient)
	if err == nil {
		text := keyText(key)
		_, err = w.Write(text)
		Wipe(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = durable.WriteFile(path, b.Bytes(), 0o600)
	}
	if err != nil {
		return fmt.Errorf("put the seal key under a passphrase: %w", err)
	}
	return nil
}

// Unlock returns the key of a key file; passphrase is not looked at where the file is under
// none. The caller should Wipe the key. It fails with ErrPassphrase, ErrKeyFile, or because
// the file cannot be read.
func Unlock(path string, passphrase []byte) ([]byte, error) {
	text, err := readPrivate(path, maxLockedFile)
	if err != nil {
		return nil, err
	}
	defer Wipe(text)
	if !bytes.HasPrefix(text, []byte(agePrefix)) {
		return keyOf(path, text)
	}
	if len(passphrase) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrLocked, path)
	}
	identity, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPassphrase, path, err)
	}
	identity.SetMaxWorkFactor(workFactor + 2)
	r, err := age.Decrypt(bytes.NewReader(text), identity)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, fmt.Errorf("%w: %s", ErrPassphrase, path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrKeyFile, path, err)
	}
	opened, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	defer Wipe(opened)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrKeyFile, path, err)
	}
	return keyOf(path, opened)
}

// OpenUnder is Open with the key itself, of which the vault keeps a copy.
func OpenUnder(dir string, key []byte) (*Vault, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("%w: a key of %d bytes, want %d", ErrKeyFile, len(key), KeySize)
	}
	return openUnder(dir, bytes.Clone(key))
}

// ReadUnder opens the vault in dir to read it beside the process whose it is: it makes nothing and
// removes nothing, not even what that process is writing.
func ReadUnder(dir string, key []byte) (*Vault, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("%w: a key of %d bytes, want %d", ErrKeyFile, len(key), KeySize)
	}
	v := &Vault{dir: dir, key: bytes.Clone(key)}
	if _, err := v.read(markerFile, markerName); err != nil {
		Wipe(v.key)
		return nil, fmt.Errorf("open vault: %w", err)
	}
	return v, nil
}

func keyOf(path string, text []byte) ([]byte, error) {
	key, err := parseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrKeyFile, path, err)
	}
	return key, nil
}

// readPrivate returns at most limit+1 bytes of a regular file that only its owner may read.
func readPrivate(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return nil, fmt.Errorf("open seal key file: %w", err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	// The checks are on the open file, so that it cannot be swapped after them.
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open seal key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrKeyFile, path)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %#o, so others than its owner may use it; chmod 600 it if nobody has, else make a new one",
			ErrKeyFile, path, perm)
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		Wipe(text)
		return nil, fmt.Errorf("read seal key file: %w", err)
	}
	return text, nil
}
