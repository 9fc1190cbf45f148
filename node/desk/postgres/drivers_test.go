package postgres

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// jar is pgJDBC where Debian's libpostgresql-jdbc-java has it.
const jar = "/usr/share/java/postgresql.jar"

// run is what a program prints on standard output.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", filepath.Base(program), err, b, wrong.String())
	}
	return string(b)
}

// nothingUnknown fails where a statement was not understood, but for those that are on what is not there.
func nothingUnknown(t *testing.T, w *world, but ...string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, ProbesFile))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(b)) {
		if !slices.ContainsFunc(but, func(name string) bool { return strings.Contains(line, `"why":"there is no `+name) }) {
			t.Errorf("not understood is\n%s", line)
		}
	}
}

// sameAsPostgres compares what a driver prints of the table works with what it printed of a PostgreSQL that has such a table.
func sameAsPostgres(t *testing.T, file, got string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	want := string(b)
	version, _, _ := strings.Cut(got, "\n")
	if recorded, _, _ := strings.Cut(want, "\n"); version != recorded {
		t.Logf("the driver is %q; %s is of %q, and not compared", version, file, recorded)
		return
	}
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("other than of PostgreSQL (-), %s:\n%s", file, d)
	}
}

// java runs a program of testdata with pgJDBC, or skips.
func java(t *testing.T, source string, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("java")
	if err != nil {
		t.Skip("there is no java")
	}
	if _, err := exec.LookPath("javac"); err != nil {
		t.Skip("there is a java, and no compiler of it (javac)")
	}
	if _, err := os.Stat(jar); err != nil {
		t.Skipf("there is no pgJDBC: %v", err)
	}
	return run(t, program, append([]string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp", jar, filepath.Join("testdata", source)}, args...)...)
}

// pgJDBC reads of a dataset what it reads of a table of PostgreSQL, by all that DatabaseMetaData has.
func TestMetadataOfJDBC(t *testing.T) {
	w := newWorld(t, nil)
	r := record(t, w.server.Addr())
	got := java(t, "Metadata.java", "jdbc:postgresql://"+r.listener.Addr().String()+"/weir", w.password)
	sameAsPostgres(t, "metadata-jdbc.txt", got)
	nothingUnknown(t, w)
	driver, _, _ := strings.Cut(got, "\n")
	r.sameAsRecorded(t, "jdbc.sql", strings.TrimPrefix(driver, "-- "), oidOfWorks(t, w))
}

// pgJDBC as BI tools use it.
func TestJDBC(t *testing.T) {
	w := newWorld(t, nil)
	if got := java(t, "Tool.java", "jdbc:postgresql://"+w.server.Addr()+"/weir", w.password); strings.TrimSpace(got) != "ok" {
		t.Errorf("it prints %s", got)
	}
	nothingUnknown(t, w, "table wroks", "column a")
	if n := w.fake.charged(); n != 3 {
		t.Errorf("it is charged %d times", n)
	}
}

// odbc runs a program of testdata with pyodbc and psqlODBC, or skips.
func odbc(t *testing.T, source, addr, password string, args ...string) string {
	t.Helper()
	const python = "/usr/bin/python3"
	if exec.CommandContext(t.Context(), python, "-c", "import pyodbc; assert 'PostgreSQL Unicode' in pyodbc.drivers()").Run() != nil {
		t.Skipf("%s has no pyodbc, or it has no driver PostgreSQL Unicode", python)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, python, append([]string{filepath.Join("testdata", source), host, port, password}, args...)...)
}

// psqlODBC reads of a dataset what it reads of a table of PostgreSQL, by all functions of ODBC's catalogue.
func TestMetadataOfODBC(t *testing.T) {
	w := newWorld(t, nil)
	r := record(t, w.server.Addr())
	got := odbc(t, "metadata.py", r.listener.Addr().String(), w.password)
	sameAsPostgres(t, "metadata-odbc.txt", got)
	nothingUnknown(t, w)
	driver, _, _ := strings.Cut(got, "\n")
	r.sameAsRecorded(t, "odbc.sql", strings.TrimPrefix(driver, "-- "), oidOfWorks(t, w))
}

// psqlODBC as Excel and other BI tools use it.
func TestODBC(t *testing.T) {
	w := newWorld(t, nil)
	if got := odbc(t, "tool.py", w.server.Addr(), w.password); strings.TrimSpace(got) != "ok" {
		t.Errorf("it prints %s", got)
	}
	nothingUnknown(t, w, "table wroks", "column a")
	if n := w.fake.charged(); n != 3 {
		t.Errorf("it is charged %d times", n)
	}
}
