package databasetest

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"testing"
)

// MariaDB starts a server of the test's own and returns its address; the test skips where
// there is none.
func MariaDB(t *testing.T) string {
	t.Helper()
	if at := os.Getenv("WEIR_TEST_MYSQL"); at != "" {
		return at
	}
	install, errInstall := exec.LookPath("mariadb-install-db")
	server, errServer := exec.LookPath("mariadbd")
	if errInstall != nil || errServer != nil {
		t.Skip("there is no MariaDB here: install Debian's mariadb-server, or set WEIR_TEST_MYSQL=mysql://user:password@host/database")
	}
	dir, err := os.MkdirTemp(shortPath(), "weirmy") //nolint:usetesting // likewise, as Postgres
	if err != nil {
		t.Fatal(err)
	}
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	data, socket := filepath.Join(dir, "data"), filepath.Join(dir, "s")
	built := exec.CommandContext(t.Context(), install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db", "--user="+who.Username) //nolint:gosec // a program of a test
	if out, err := built.CombinedOutput(); err != nil {
		t.Skipf("MariaDB does not run here: %v\n%s", err, out)
	}
	run := exec.Command(server, "--no-defaults", "--datadir="+data, "--socket="+socket, "--skip-networking", "--user="+who.Username, "--pid-file="+filepath.Join(dir, "pid")) //nolint:gosec,usetesting,noctx // stopped below
	if err := run.Start(); err != nil {
		t.Skipf("MariaDB does not start here: %v", err)
	}
	t.Cleanup(func() {
		if err := run.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = run.Wait() // it was killed
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	ping := exec.CommandContext(t.Context(), "mariadb-admin", "--no-defaults", "--socket="+socket, "--wait=30", "ping") //nolint:gosec // likewise
	if out, err := ping.CombinedOutput(); err != nil {
		t.Skipf("MariaDB does not listen here: %v\n%s", err, out)
	}
	return "mysql://root@localhost/mysql?socket=" + socket
}
