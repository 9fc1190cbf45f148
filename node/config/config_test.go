package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node"
)

func noEnvironment(string) (string, bool) { return "", false }

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "node.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The example is a configuration, with and without what is commented out, and names the
// defaults that the node has.
func TestExampleIsAConfiguration(t *testing.T) {
	c, err := Read(write(t, Example()), noEnvironment)
	if want := (Config{ID: "n1", Dir: "/var/lib/weir", SealKeyFile: "/run/keys/weir", Genesis: "/etc/weir/genesis.json"}); err != nil || c != want {
		t.Errorf("read %+v, %v", c, err)
	}
	c, err = Read(write(t, regexp.MustCompile(`(?m)^#(\w+: )`).ReplaceAllString(Example(), "$1")), noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "LogLevel" { // info is its zero
			t.Errorf("no key sets %s", name)
		}
	}
	want := Config{ID: c.ID, Dir: c.Dir, SealKeyFile: c.SealKeyFile, Genesis: c.Genesis, PeerListen: c.PeerListen, APIListen: c.APIListen,
		Institution: c.Institution, OperatorKey: c.OperatorKey, PeerAddr: c.PeerAddr, APIAddr: c.APIAddr,
		MetricsListen: c.MetricsListen, AuditLog: c.AuditLog, DebugSocket: c.DebugSocket, SealKeyCommand: c.SealKeyCommand,
		Workers: node.DefaultWorkers, Heartbeat: consensus.DefaultHeartbeatTimeout, QuorumWait: 6 * time.Second, PingTimeout: node.DefaultPingTimeout,
		AttemptTimeout: node.DefaultAttemptTimeout, CeremonyTimeout: node.DefaultCeremonyTimeout,
		ScrubEvery: node.DefaultScrubEvery, ScrubPause: node.DefaultScrubPause,
		CollectEvery: node.DefaultCollectEvery, KeepOrphans: node.DefaultKeepOrphans, MinFree: Bytes(consensus.DefaultMinFreeBytes),
		BlobStore: c.BlobStore, BlobCache: node.DefaultBlobCache}
	if c != want {
		t.Errorf("the example's defaults are\n%+v, the node's are\n%+v", c, want)
	}
	for line := range strings.Lines(Example()) {
		if len(line) > 91 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
	}
}

func TestFaultsSayWhereAndWhatIsRight(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"id: n1\nheartbaet: 2s\n", "2:1: there is no key heartbaet; did you mean heartbeat?"},
		{"id: n1\nzzzzzzzz: 2s\n", "2:1: there is no key zzzzzzzz; weir node config prints the keys"},
		{"heartbeat: 2\n", `1:12: "2" is no value of heartbeat; want a time with its unit, such as 30s, 5m or 24h`},
		{"heartbeat: -2s\n", `1:12: "-2s" is no value of heartbeat; want a time`},
		{"min_free: lots\n", `1:11: "lots" is no value of min_free; want an amount with its unit`},
		{"workers: 0\n", `1:10: "0" is no value of workers; want a whole number of at least 1`},
		{"log_level: loud\n", `1:12: "loud" is no value of log_level; want debug, info, warn or error`},
		{"id: n1\nid: n2\n", "mapping key \"id\" already defined"},
		{"id:\n", "1:1: id has no plain value; leave the key out for its default"},
		{"id: [n1]\n", "1:1: id has no plain value"},
		{"id: {a: b}\n", "1:1: id has no plain value"},
		{"- id\n", "a configuration is a list of keys and values; write for example: id: n1"},
		{"id: n1\n\tdir: x\n", ":2:"},
	} {
		file := write(t, c.text)
		_, err := Read(file, noEnvironment)
		var f *KeyError
		if !errors.As(err, &f) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), file) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none"), noEnvironment); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// All faults of a file are told at once.
func TestAllFaultsAreTold(t *testing.T) {
	_, err := Read(write(t, "ids: n1\nworkers: many\n"), noEnvironment)
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two faults: %v", err)
	}
}

func TestEnvironmentGoesOverTheFile(t *testing.T) {
	set := map[string]string{"WEIR_NODE_WORKERS": "5", "WEIR_NODE_MIN_FREE": "1GiB"}
	lookup := func(name string) (string, bool) { v, in := set[name]; return v, in }
	c, err := Read(write(t, "id: n1\nworkers: 3\n"), lookup)
	if err != nil || c.ID != "n1" || c.Workers != 5 || c.MinFree != 1<<30 {
		t.Errorf("read %+v, %v", c, err)
	}
	set["WEIR_NODE_WORKERS"] = "many"
	if c, err = Read("", lookup); err == nil || !strings.HasPrefix(err.Error(), `WEIR_NODE_WORKERS: "many" is no value of workers`) {
		t.Errorf("read %+v, %v", c, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(Example()))
	f.Add([]byte("id: n1\n---\ndir: x"))
	f.Add([]byte("a: &b [*b]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Config
		for _, err := range parse("f", b, &c) {
			if err.Error() == "" {
				t.Error("a fault without words")
			}
		}
	})
}
