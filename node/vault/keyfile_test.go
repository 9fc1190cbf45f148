package vault

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNewKeyFileNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal.key")
	if err := NewKeyFile(path); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := NewKeyFile(path); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("%v, want fs.ErrExist", err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Fatal("the key file was overwritten")
	}
}

func TestKeyFilesDiffer(t *testing.T) {
	var keys [2][]byte
	for i := range keys {
		path := filepath.Join(t.TempDir(), "seal.key")
		if err := NewKeyFile(path); err != nil {
			t.Fatal(err)
		}
		key, err := Unlock(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = key
	}
	if len(keys[0]) != KeySize || string(keys[0]) == string(keys[1]) {
		t.Fatalf("keys of %d bytes, equal: %t", len(keys[0]), string(keys[0]) == string(keys[1]))
	}
}

func TestKeyFileThatOthersMayUseIsRefused(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "seal.key")
	if err := NewKeyFile(path); err != nil {
		t.Fatal(err)
	}
	for mode := fs.FileMode(0o001); mode <= 0o077; mode++ {
		if err := os.Chmod(path, 0o600|mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(filepath.Join(root, "vault"), path); !errors.Is(err, ErrKeyFile) {
			t.Fatalf("mode %#o: %v, want ErrKeyFile", 0o600|mode, err)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "vault")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a vault was made with a refused key: %v", err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	open(t, filepath.Join(root, "vault"), path)
}

func TestMalformedKeyFileIsRefusedWithoutQuotingIt(t *testing.T) {
	digits := strings.Repeat("c7", KeySize)
	for name, text := range map[string]string{
		"empty":        "",
		"no prefix":    digits,
		"other prefix": "weir-seal-key-2:" + digits,
		"short":        keyPrefix + digits[2:],
		"odd":          keyPrefix + digits[1:],
		"long":         keyPrefix + digits + "c7",
		"not hex":      keyPrefix + "zz" + digits[2:],
		"two lines":    keyPrefix + digits + "\n" + keyPrefix + digits,
		"huge":         keyPrefix + digits + strings.Repeat(" ", 1000),
	} {
		path := filepath.Join(t.TempDir(), "seal.key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Unlock(path, nil)
		if !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: %v, want ErrKeyFile", name, err)
		} else if strings.Contains(err.Error(), "c7c7") {
			t.Errorf("%s: the error quotes the key", name)
		}
	}
}

func TestKeyFileMustBeThereAndAFile(t *testing.T) {
	root := t.TempDir()
	if _, err := Open(filepath.Join(root, "vault"), filepath.Join(root, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%v, want fs.ErrNotExist", err)
	}
	if err := os.Mkdir(filepath.Join(root, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(root, "vault"), filepath.Join(root, "dir")); !errors.Is(err, ErrKeyFile) {
		t.Fatalf("%v, want ErrKeyFile", err)
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte(keyPrefix + strings.Repeat("0f", KeySize) + "\n"))
	f.Add([]byte(keyPrefix))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := parseKey(text)
		if err == nil && len(key) != KeySize {
			t.Fatalf("a key of %d bytes", len(key))
		}
	})
}
