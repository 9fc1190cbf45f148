package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/cmd/weir/cli"
)

// forBusyMachines has nodes wait for an election, and for each other, as long as a machine with
// other work needs, so that no attempt at a query ends because of it. It is shorter than a client
// waits for a node.
var forBusyMachines = []string{"WEIR_NODE_QUORUM_WAIT=25s", "WEIR_NODE_PING_TIMEOUT=15s"}

// TestLifeOfAContractOnARealCluster is the transcript of an exchange: `weir dev` starts
// node processes.
func TestLifeOfAContractOnARealCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "life"),
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"WEIR_DIR", "WEIR_ADDR", "WEIR_KEY", "WEIR_PROFILE"} {
				env.Setenv(name, "")
			}
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, ".config"))
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, ".cache"))
			env.Setenv("DIR", filepath.Join(env.WorkDir, "dev"))
			env.Setenv("HOST", ownHost())
			env.Setenv("GOGC", fewCollections)
			env.Setenv("LEVEL", strconv.Itoa(state.FeatureLevel))
			env.Setenv("NEXTLEVEL", strconv.Itoa(state.FeatureLevel+1))
			env.Setenv(oldProgram, os.Getenv(oldProgram))
			env.Vars = append(env.Vars, forBusyMachines...)
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "old" {
				return os.Getenv(oldProgram) != "", nil
			}
			return whereLong(name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": wantStatus, "await": awaitFile, "field": setField, "begins": setBegins,
			"addresses": setAddresses, "hosts": setHosts, "until": untilDone, "refused": untilRefused, "nosecrets": wantNoSecrets, "nextlevel": buildNextLevel,
			"roles": setRoles, "leads": wantLeader, "third": setThird,
		},
	})
}

// oldProgram names the file of the program of an older commit, for the test of upgrades that runs it beside
// this one.
const oldProgram = "WEIR_OLD"

// awaitFile waits until a file is there: await FILE.
func awaitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	tick, over := time.NewTicker(20*time.Millisecond), time.NewTimer(3*time.Minute)
	defer tick.Stop()
	defer over.Stop()
	for {
		_, err := os.Stat(ts.MkAbs(args[0]))
		if err == nil {
			return
		}
		if !errors.Is(err, fs.ErrNotExist) {
			ts.Fatalf("%v", err)
		}
		select {
		case <-tick.C:
		case <-over.C:
			ts.Fatalf("waited in vain for %s", args[0])
		}
	}
}

// setField sets a variable to a field of the JSON that was printed: field VAR NAME.
func setField(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: field VAR NAME")
	}
	var doc map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &doc))
	if doc[args[1]] == nil {
		ts.Fatalf("there is no %q", args[1])
	}
	ts.Setenv(args[0], fmt.Sprint(doc[args[1]]))
}

// setBegins sets a variable to the beginning of an id, as tables show it: begins VAR ID.
func setBegins(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || cli.ShortenIDs(args[1])[0] == args[1] {
		ts.Fatalf("usage: begins VAR ID")
	}
	ts.Setenv(args[0], cli.ShortenIDs(args[1])[0])
}

// secretWords are what may be a key, or be made of one, in a file with a secret.
var secretWords = regexp.MustCompile(`[0-9A-Za-z+/=]{32,}`)

// wantNoSecrets looks for secrets in an archive, as they are written and in hexadecimal:
// nosecrets ZIP FILE…, where each of the files has a secret.
func wantNoSecrets(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: nosecrets ZIP FILE…")
	}
	var needles []string
	for _, file := range args[1:] {
		words := secretWords.FindAllString(ts.ReadFile(file), -1)
		if len(words) == 0 {
			ts.Fatalf("%s has no secret", file)
		}
		for _, w := range words {
			needles = append(needles, w)
			if raw, err := base64.StdEncoding.DecodeString(w); err == nil {
				needles = append(needles, string(raw), hex.EncodeToString(raw))
			}
			if raw, err := hex.DecodeString(w); err == nil {
				needles = append(needles, string(raw), base64.StdEncoding.EncodeToString(raw))
			}
		}
	}
	z, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { ts.Check(z.Close()) })
	for _, f := range z.File {
		r, err := f.Open()
		ts.Check(err)
		content, err := io.ReadAll(r)
		ts.Check(errors.Join(err, r.Close()))
		for i, n := range needles {
			if bytes.Contains(content, []byte(n)) {
				ts.Fatalf("%s has secret %d", f.Name, i)
			}
		}
	}
}

// buildNextLevel builds the program as one of the next feature level: nextlevel FILE.
func buildNextLevel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: nextlevel FILE")
	}
	build := exec.Command("go", "build", "-ldflags", "-s -w -X github.com/weirdata/weir/catalog/state.linked=x", "-o", ts.MkAbs(args[0]), ".")
	if out, err := build.CombinedOutput(); err != nil {
		ts.Fatalf("build: %v\n%s", err, out)
	}
}
