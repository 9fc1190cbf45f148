package vault

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// newVault opens a new vault in a directory of its own; the key file is beside it.
func newVault(t testing.TB) (v *Vault, dir, keyFile string) {
	t.Helper()
	root := t.TempDir()
	dir, keyFile = filepath.Join(root, "vault"), filepath.Join(root, "seal.key")
	if err := NewKeyFile(keyFile); err != nil {
		t.Fatal(err)
	}
	return open(t, dir, keyFile), dir, keyFile
}

func TestHasNeedsNoKey(t *testing.T) {
	v, dir, keyFile := newVault(t)
	if err := v.Put("node/identity", []byte("secret")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"node/identity": true, "node/sealing": false} {
		if has, err := Has(dir, name); err != nil || has != want {
			t.Errorf("%s: %v, %v", name, has, err)
		}
	}
	if has, err := Has(filepath.Join(dir, "nowhere"), "node/identity"); err != nil || has {
		t.Errorf("a vault that is not there: %v, %v", has, err)
	}
	if _, err := Has(dir, ""); !errors.Is(err, ErrName) {
		t.Errorf("no name: %v", err)
	}
}

func open(t testing.TB, dir, keyFile string) *Vault {
	t.Helper()
	v, err := Open(dir, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func put(t testing.TB, v *Vault, name, secret string) {
	t.Helper()
	if err := v.Put(name, []byte(secret)); err != nil {
		t.Fatal(err)
	}
}

func wantSecret(t testing.TB, v *Vault, name, want string) {
	t.Helper()
	got, err := v.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Fatalf("%s is %q, want %q", name, got, want)
	}
}

func pathOf(t testing.TB, dir, name string) string {
	t.Helper()
	file, err := fileName(name)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, file)
}

func TestSecretsSurviveReopening(t *testing.T) {
	v, dir, keyFile := newVault(t)
	put(t, v, "key/k-1/1/share", "old")
	put(t, v, "key/k-1/1/share", "new")
	put(t, v, "empty", "")
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	v = open(t, dir, keyFile)
	wantSecret(t, v, "key/k-1/1/share", "new")
	wantSecret(t, v, "empty", "")
}

// What a thief of the disk greps for must not be there.
func TestDirectoryHoldsNoPlaintext(t *testing.T) {
	v, dir, _ := newVault(t)
	secret := strings.Repeat("very secret share ", 100)
	put(t, v, "a", secret)
	put(t, v, "b", secret)
	var files [][]byte
	for _, name := range []string{"a", "b"} {
		b, err := os.ReadFile(pathOf(t, dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("secret")) {
			t.Fatalf("the file of %s contains plaintext", name)
		}
		files = append(files, b[1+nonceSize:])
	}
	if bytes.Equal(files[0], files[1]) {
		t.Fatal("two names with the same secret have the same ciphertext")
	}
}

func TestEveryChangedByteIsErrSealedAndNamesTheFile(t *testing.T) {
	v, dir, _ := newVault(t)
	put(t, v, "key/share", "secret")
	path := pathOf(t, dir, "key/share")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := v.Get("key/share")
		if !errors.Is(err, ErrSealed) {
			t.Fatalf("%s: %v, want ErrSealed", what, err)
		}
		if !strings.Contains(err.Error(), path) {
			t.Fatalf("%s: the error %q does not name %s", what, err, path)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Fatalf("%s: the error %q shows the secret", what, err)
		}
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 1 << (i % 8)
		refused(fmt.Sprintf("byte %d changed", i), b)
	}
	for n := range whole {
		refused(fmt.Sprintf("cut to %d bytes", n), whole[:n])
	}
	refused("appended", append(bytes.Clone(whole), 0))
}

func TestRenamedFileIsErrSealed(t *testing.T) {
	v, dir, _ := newVault(t)
	put(t, v, "key/1/share", "first")
	put(t, v, "key/2/share", "second")
	if err := os.Rename(pathOf(t, dir, "key/1/share"), pathOf(t, dir, "key/2/share")); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Get("key/2/share"); !errors.Is(err, ErrSealed) {
		t.Fatalf("%v, want ErrSealed", err)
	}
	if _, err := v.Get("key/1/share"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("%v, want ErrNotFound", err)
	}
}

func TestAnotherKeyFailsAtOpening(t *testing.T) {
	v, dir, _ := newVault(t)
	put(t, v, "a", "secret")
	other := filepath.Join(t.TempDir(), "other.key")
	if err := NewKeyFile(other); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, other); !errors.Is(err, ErrSealed) {
		t.Fatalf("%v, want ErrSealed", err)
	}
	wantSecret(t, v, "a", "secret")
}

// Without its marker a vault with secrets must not be bound to whatever key is
// given, or the mistake would only show when a share is needed.
func TestMissingMarkerIsRefusedOnlyWhenThereAreSecrets(t *testing.T) {
	v, dir, keyFile := newVault(t)
	remove := func() {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, markerFile)); err != nil {
			t.Fatal(err)
		}
	}
	remove()
	open(t, dir, keyFile)
	put(t, v, "a", "secret")
	remove()
	if _, err := Open(dir, keyFile); !errors.Is(err, ErrSealed) {
		t.Fatalf("%v, want ErrSealed", err)
	}
}

func TestModesAreForTheOwnerAlone(t *testing.T) {
	v, dir, keyFile := newVault(t)
	put(t, v, "a", "secret")
	for path, want := range map[string]fs.FileMode{
		dir: 0o700, keyFile: 0o600, pathOf(t, dir, "a"): 0o600, filepath.Join(dir, markerFile): 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %#o, want %#o", path, got, want)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the wrong mode is the point
		t.Fatal(err)
	}
	open(t, dir, keyFile)
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o700 {
		t.Errorf("after reopening the directory has mode %#o, want 0700", got)
	}
}

func TestCrashedWriteLeavesTheOldSecretAndNoRubbish(t *testing.T) {
	v, dir, keyFile := newVault(t)
	put(t, v, "a", "secret")
	left := filepath.Join(dir, tempPrefix+"CRASHED")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	names, err := v.List("")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(names, []string{"a"}) {
		t.Fatalf("List shows %q", names)
	}
	v = open(t, dir, keyFile)
	wantSecret(t, v, "a", "secret")
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the temporary file is still there: %v", err)
	}
}

func TestFailedPutKeepsTheOldSecretAndNoRubbish(t *testing.T) {
	v, dir, _ := newVault(t)
	put(t, v, "a", "secret")
	path := pathOf(t, dir, "b")
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := v.Put("b", []byte("new")); err == nil {
		t.Fatal("Put over a directory succeeded")
	}
	if err := v.Put("a", make([]byte, MaxSecret+1)); !errors.Is(err, ErrTooLong) {
		t.Fatalf("%v, want ErrTooLong", err)
	}
	wantSecret(t, v, "a", "secret")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestDeleteOverwritesAndRemoves(t *testing.T) {
	v, dir, _ := newVault(t)
	put(t, v, "a", "secret")
	path := pathOf(t, dir, "a")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A second name keeps the blocks in sight after the removal.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Link(path, link); err != nil {
		t.Skipf("no hard links here: %v", err)
	}
	if err := v.Delete("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Get("a"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("Get after Delete: %v, want ErrNotFound", err)
	}
	if err := v.Delete("a"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("second Delete: %v, want ErrNotFound", err)
	}
	after, err := os.ReadFile(link)
	if err != nil {
		t.Fatal(err)
	}
	if len(after) != len(before) || bytes.Equal(after[1+nonceSize:], before[1+nonceSize:]) {
		t.Fatal("the file's blocks still hold the sealed secret")
	}
}

func TestListIsSortedAndByPrefix(t *testing.T) {
	v, dir, _ := newVault(t)
	for _, name := range []string{"key/k-b/share", "key/k-a/share", "pair/k-a/2", "Key/Upper"} {
		put(t, v, name, "x")
	}
	if err := os.WriteFile(filepath.Join(dir, "_2F.sealed"), nil, 0o600); err != nil { // not a spelling of ours
		t.Fatal(err)
	}
	for prefix, want := range map[string][]string{
		"":        {"Key/Upper", "key/k-a/share", "key/k-b/share", "pair/k-a/2"},
		"key/":    {"key/k-a/share", "key/k-b/share"},
		"nothing": nil,
	} {
		got, err := v.List(prefix)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("List(%q) = %q, want %q", prefix, got, want)
		}
	}
}

func TestClosedVaultForgetsItsKey(t *testing.T) {
	v, _, _ := newVault(t)
	put(t, v, "a", "secret")
	key := v.key
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(key, make([]byte, KeySize)) {
		t.Fatal("the key is still in memory")
	}
	for what, err := range map[string]error{
		"Put": v.Put("a", nil), "Delete": v.Delete("a"), "Get": second(v.Get("a")), "List": second(v.List("")),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestConcurrentUseSeesWholeSecrets(t *testing.T) {
	v, _, _ := newVault(t)
	values := []string{strings.Repeat("a", 5000), strings.Repeat("b", 3000)}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 10 {
				switch {
				case i == 3 && n%3 == 0:
					if err := v.Delete("x"); err != nil && !errors.Is(err, ErrNotFound) {
						t.Error(err)
					}
				case i < 2:
					if err := v.Put("x", []byte(values[i])); err != nil {
						t.Error(err)
					}
				default:
					got, err := v.Get("x")
					if err != nil && !errors.Is(err, ErrNotFound) {
						t.Error(err)
					}
					if err == nil && !slices.Contains(values, string(got)) {
						t.Errorf("read a secret of %d bytes that nobody wrote", len(got))
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestWipe(t *testing.T) {
	b := []byte{1, 2, 3}
	Wipe(b)
	if !bytes.Equal(b, make([]byte, 3)) {
		t.Fatalf("%v", b)
	}
	Wipe(nil)
}

func TestFileNamesAreOneToOneAndStayInTheDirectory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[!-~]{1,70}`).Draw(t, "name")
		file, err := fileName(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(file, "/\\") || strings.HasPrefix(file, ".") || strings.ToLower(file) != file {
			t.Fatalf("%q gives the file name %q", name, file)
		}
		back, ok := secretName(file)
		if !ok || back != name {
			t.Fatalf("%q gives %q gives %q, %t", name, file, back, ok)
		}
	})
}

func TestInvalidNamesAreRefusedEverywhere(t *testing.T) {
	v, _, _ := newVault(t)
	for _, name := range []string{"", "a b", "a\x00", "污染", strings.Repeat("a", maxFileName), "\n"} {
		for what, err := range map[string]error{"Put": v.Put(name, nil), "Get": second(v.Get(name)), "Delete": v.Delete(name)} {
			if !errors.Is(err, ErrName) {
				t.Errorf("%s(%q): %v, want ErrName", what, name, err)
			}
		}
	}
}

// The golden file was sealed by the first release of the layout.
func TestGoldenFileStillOpens(t *testing.T) {
	text, err := os.ReadFile("testdata/sealed-v1.hex")
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := openFile(bytes.Repeat([]byte{7}, KeySize), "golden/name", b)
	if err != nil {
		t.Fatal(err)
	}
	if want := "sealed by version 1"; string(got) != want {
		t.Fatalf("opened %q, want %q", got, want)
	}
}

func FuzzOpenFile(f *testing.F) {
	key := bytes.Repeat([]byte{7}, KeySize)
	whole, err := sealFile(key, "name", []byte("secret"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("name", whole)
	f.Add("other", whole)
	f.Add("name", whole[:Overhead-1])
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		secret, err := openFile(key, name, b)
		if err == nil && len(secret)+Overhead != len(b) {
			t.Fatalf("%d bytes opened to %d", len(b), len(secret))
		}
	})
}

func FuzzSecretName(f *testing.F) {
	f.Add("key_2fk-1_2fshare.sealed")
	f.Add("_.sealed")
	f.Add("_4a.sealed")
	f.Fuzz(func(t *testing.T, file string) {
		name, ok := secretName(file)
		if !ok {
			return
		}
		if back, err := fileName(name); err != nil || back != file {
			t.Fatalf("%q names %q, which names %q, %v", file, name, back, err)
		}
	})
}

// What is put as cached is read like any other secret, and one that a crash left half is sealed, not something else.
func TestCachedSecrets(t *testing.T) {
	v, dir, _ := newVault(t)
	for _, want := range []string{"first", "second"} {
		if err := v.PutCached("answered/q", []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := v.Get("answered/q"); err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	file, err := fileName("answered/q")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, file), 20); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Get("answered/q"); !errors.Is(err, ErrSealed) {
		t.Errorf("half a file: %v", err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if err := v.PutCached("answered/q", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
