package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestKeyFileUnderAPassphrase(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := NewKeyFile(path); err != nil {
		t.Fatal(err)
	}
	if locked, err := Locked(path); locked || err != nil {
		t.Fatalf("locked %t, %v", locked, err)
	}
	key, err := Unlock(path, []byte("not looked at"))
	if err != nil {
		t.Fatal(err)
	}
	secrets := filepath.Join(dir, "secrets")
	v, err := Open(secrets, path)
	if err == nil {
		err = errors.Join(v.Put("share", []byte("s")), v.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := Lock(path, key, []byte("short")); !errors.Is(err, ErrShortPassphrase) {
		t.Errorf("a short passphrase: %v", err)
	}
	right := []byte("rivers and their sections")
	if err := Lock(path, key, right); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || bytes.Contains(text, keyText(key)[len(keyPrefix):]) {
		t.Errorf("the key lies in the clear: %s, %v", text, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if locked, err := Locked(path); !locked || err != nil {
		t.Errorf("locked %t, %v", locked, err)
	}
	if _, err := Open(secrets, path); !errors.Is(err, ErrLocked) {
		t.Errorf("opened without the passphrase: %v", err)
	}
	if _, err := Unlock(path, []byte("rivers and their sectionS")); !errors.Is(err, ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	got, err := Unlock(path, right)
	if err != nil || !bytes.Equal(got, key) {
		t.Fatalf("the right one: %v", err)
	}
	if v, err = OpenUnder(secrets, got); err != nil {
		t.Fatal(err)
	}
	Wipe(got) // the vault has its own
	if s, err := v.Get("share"); err != nil || string(s) != "s" {
		t.Errorf("the share is %q, %v", s, err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	// What was changed is no passphrase that is wrong, and nobody is asked again for it.
	for name, changed := range map[string][]byte{
		"cut":   text[:len(text)-20],
		"other": append(bytes.Clone(text[:len(text)-1]), text[len(text)-1]^1),
		"none":  []byte(agePrefix),
	} {
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Unlock(path, right); !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Chmod(path, 0o640); err != nil { //nolint:gosec // that is what is tried
		t.Fatal(err)
	}
	if _, err := Locked(path); !errors.Is(err, ErrKeyFile) {
		t.Errorf("a file that the group reads: %v", err)
	}
}
