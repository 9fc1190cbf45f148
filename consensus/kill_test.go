package consensus

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/weirdata/weir/consensus/evidence"
)

const killEnv = "WEIR_TEST_KILL_DIR"

// TestKilledChild is not a test of its own: TestKilledProcessLosesNothing runs
// it in a process that it kills.
func TestKilledChild(t *testing.T) {
	dir := os.Getenv(killEnv)
	if dir == "" {
		t.Skip("run by TestKilledProcessLosesNothing")
	}
	l := openKilled(t, dir)
	for i := 0; ; i++ {
		a, err := l.Propose(t.Context(), fmt.Appendf(nil, "set k%d %d", i%7, i))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("acked %d %x\n", a.Seq, a.Leaf)
		if i%50 == 49 {
			if err := l.Snapshot(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func openKilled(t *testing.T, dir string) *Ledger {
	t.Helper()
	c := newClusterOn(t, tcp(t), 1, func(o *Options) { smallLog(o); roomy(o) })
	o := c.options("n1")
	o.Dir, o.Transport = dir, c.layer["n1"]
	o.Resolve = func(string) (string, bool) { return c.members[0].Addr, true } // its port is new each time
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// TestKilledProcessLosesNothing kills a process with SIGKILL again and again
// while it applies and takes snapshots. Every acknowledged entry must be there,
// and the Merkle tree must be that of the records.
func TestKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acked := map[uint64]string{}
	for round := range 2 {
		runAndKill(t, dir, 60+47*round, acked)
		l := openKilled(t, dir)
		size, root, err := l.TreeHead()
		if err != nil {
			t.Fatal(err)
		}
		var latest uint64
		for seq := range acked {
			latest = max(latest, seq)
		}
		if size <= latest {
			// What was committed is applied once there is a leader again.
			if _, err := l.Propose(t.Context(), []byte("get k0")); err != nil {
				t.Fatal(err)
			}
			if size, root, err = l.TreeHead(); err != nil {
				t.Fatal(err)
			}
		}
		rebuilt := memoryStore{}
		for seq := range size {
			rec, err := l.Record(seq)
			if err != nil {
				t.Fatal(err)
			}
			leaf, err := evidence.Append(rebuilt, seq, evidence.Record{Entry: rec.Entry, Outcome: rec.Outcome})
			if err != nil {
				t.Fatal(err)
			}
			if want, ok := acked[seq]; ok && want != fmt.Sprintf("%x", [32]byte(leaf)) {
				t.Fatalf("round %d: entry %d is another one than was acknowledged", round, seq)
			}
			delete(acked, seq)
		}
		if len(acked) != 0 {
			t.Fatalf("round %d: %d acknowledged entries are gone", round, len(acked))
		}
		if want, err := evidence.Root(rebuilt, size); err != nil || want != root {
			t.Fatalf("round %d: root %x, the records give %x (%v)", round, root, want, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// runAndKill kills the child after n acknowledgements, and notes them all.
func runAndKill(t *testing.T, dir string, n int, acked map[uint64]string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledChild$") //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), killEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, seen := bufio.NewScanner(out), 0
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) != 3 || f[0] != "acked" {
			t.Logf("child: %s", lines.Text())
			continue
		}
		seq, err := strconv.ParseUint(f[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		acked[seq] = f[2]
		if seen++; seen == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if seen < n {
		t.Fatalf("the child acknowledged %d entries, not %d", seen, n)
	}
}

// memoryStore is a store for a tree to compare with.
type memoryStore map[string][]byte

func (m memoryStore) Get(key []byte) ([]byte, error) { return m[string(key)], nil }

func (m memoryStore) Set(key, value []byte) error {
	m[string(key)] = value
	return nil
}
