package vault

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// script writes a program of the shell.
func script(t *testing.T, text string) string {
	t.Helper()
	if _, err := exec.LookPath("/bin/sh"); err != nil {
		t.Skip("there is no shell on this machine")
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// A command that prints a key file opens what the file opens.
func TestCommandPrintsTheKey(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "seal.key")
	if err := NewKeyFile(file); err != nil {
		t.Fatal(err)
	}
	v, err := Open(filepath.Join(dir, "vault"), file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(v.Put("a", []byte("secret")), v.Close()); err != nil {
		t.Fatal(err)
	}
	v, err = OpenByCommand(t.Context(), filepath.Join(dir, "vault"), []string{script(t, `cat "$1"`), file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	if b, err := v.Get("a"); err != nil || !bytes.Equal(b, []byte("secret")) {
		t.Errorf("read %q, %v", b, err)
	}
}

// What a command says is told where it fails, and never what it prints.
func TestCommandThatFails(t *testing.T) {
	digits := strings.Repeat("ab", KeySize)
	for _, c := range []struct{ name, text, want string }{
		{"refuses", "echo weir-seal-key-1:" + digits + "\necho no token >&2\nexit 3", "exit status 3: no token"},
		{"prints nothing", "exit 0", "does not begin with"},
		{"prints too few digits", "echo weir-seal-key-1:" + digits[2:], "62 hex digits, want 64"},
		{"prints much", "head -c 10000000 /dev/zero", "longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := OpenByCommand(t.Context(), t.TempDir(), []string{script(t, c.text)})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), digits[2:]) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
	if _, err := OpenByCommand(t.Context(), t.TempDir(), nil); err == nil {
		t.Error("no command opens a vault")
	}
	if _, err := OpenByCommand(t.Context(), t.TempDir(), []string{filepath.Join(t.TempDir(), "none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a command that is not there: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := OpenByCommand(ctx, t.TempDir(), []string{script(t, "sleep 60")}); !errors.Is(err, context.Canceled) {
		t.Errorf("a command that nobody waits for: %v", err)
	}
}
