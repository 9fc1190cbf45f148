// Package databasetest starts databases for tests, where this machine has them.
package databasetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Postgres starts a server of the test's own and returns its address; the test skips where
// there is none, or it does not run here.
func Postgres(t *testing.T) string {
	t.Helper()
	if at := os.Getenv("WEIR_TEST_POSTGRES"); at != "" {
		return at
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 || os.Geteuid() == 0 && runuser() == "" {
		t.Skip("there is no Postgres here: install Debian's postgresql, or set WEIR_TEST_POSTGRES=postgres://…")
	}
	bin := filepath.Dir(found[len(found)-1])
	dir, err := os.MkdirTemp(shortPath(), "weirpg") //nolint:usetesting // it is another user's
	if err != nil {
		t.Fatal(err)
	}
	as := func(name string, args ...string) *exec.Cmd {
		if os.Geteuid() == 0 {
			return exec.CommandContext(t.Context(), runuser(), append([]string{"-u", "postgres", "--", filepath.Join(bin, name)}, args...)...) //nolint:gosec // programs of a test
		}
		return exec.CommandContext(t.Context(), filepath.Join(bin, name), args...) //nolint:gosec // likewise
	}
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // of the test's own, for another user
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if out, err := as("initdb", "-D", data, "-A", "trust", "-U", "tester", "--no-sync").CombinedOutput(); err != nil {
		t.Skipf("Postgres does not run here: %v\n%s", err, out)
	}
	options := fmt.Sprintf("-c listen_addresses='' -c unix_socket_directories=%s -c fsync=off", dir)
	if out, err := as("pg_ctl", "-D", data, "-w", "-l", filepath.Join(dir, "log"), "-o", options, "start").CombinedOutput(); err != nil {
		t.Skipf("Postgres does not start here: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		stop := as("pg_ctl", "-D", data, "-m", "immediate", "stop")
		stop = exec.Command(stop.Path, stop.Args[1:]...) //nolint:gosec,usetesting,noctx // the test's context has ended
		if out, err := stop.CombinedOutput(); err != nil {
			t.Errorf("stop Postgres: %v\n%s", err, out)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return "postgres://tester@/postgres?host=" + dir
}

// shortPath is where a server's directory is made: a socket's path is short. In memory a new MariaDB is there in a
// third of the time.
func shortPath() string {
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); err == nil && info.IsDir() {
		return memory
	}
	return "/tmp"
}

func runuser() string {
	path, err := exec.LookPath("runuser")
	if err != nil {
		return ""
	}
	return path
}
