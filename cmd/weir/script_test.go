package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/consensus/durable/memdisk"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/api/apitest"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
)

// TestMain puts the program on the path of the tests, where "weir" is this test's binary
// with main as its main.
func TestMain(m *testing.M) {
	testscript.Main(inMemory{m}, map[string]func(){"weir": main})
}

// inMemory runs the tests with their directories in memory.
type inMemory struct{ *testing.M }

func (m inMemory) Run() int {
	defer memdisk.Use()()
	return m.M.Run()
}

// fewCollections has a program that runs for a moment collect its garbage seldom: of what a start costs it is a fifth.
const fewCollections = "400"

// whereLong is the condition "long" of scripts.
func whereLong(name string) (bool, error) {
	if name != "long" {
		return false, fmt.Errorf("there is no condition %q", name)
	}
	return longrun.Wanted(), nil
}

// TestScripts runs the command line as a user does. Scripts whose name begins
// with "cluster" find a cluster's directory in $DIR: the real state machine and
// cryptography, in this process, behind TLS.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"WEIR_DIR", "WEIR_ADDR", "WEIR_KEY", "WEIR_PROFILE"} {
				env.Setenv(name, "")
			}
			golden, err := filepath.Abs(filepath.Join("..", "..", "node", "client", "audit", "testdata", "receipt.v1"))
			if err != nil {
				return err
			}
			env.Setenv("GOLDEN", golden)
			env.Setenv("GOGC", fewCollections)
			env.Setenv("HOSTILE", hostile)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, ".config"))
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, ".cache"))
			if !strings.HasPrefix(filepath.Base(env.WorkDir), "script-cluster") {
				return nil
			}
			dir := filepath.Join(env.WorkDir, "dev")
			env.Setenv("DIR", dir)
			return startCluster(env, dir)
		},
		Condition: whereLong,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": wantStatus, "approve": approve,
			"flip": flip, "queryid": queryID, "rewrite": rewrite, "dress": dressFile, "checked": wantChecked, "replaced": replaceText, "lie": lie,
			"field": setField, "transplant": transplant,
		},
	})
}

// wantStatus runs a command and requires its exit status: status 2 weir query.
func wantStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND [ARGUMENT]…")
	}
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

// approve grants the order in order.json: approve DIR.
func approve(ts *testscript.TestScript, _ bool, args []string) {
	var order struct {
		Order string `json:"order"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("order.json")), &order))
	ts.Check(ts.Exec("weir", "order", "approve", order.Order, "--dir", args[0], "-o", "json"))
}

// flip copies a file with the bit of 1 flipped in the byte after a text: flip
// FROM TEXT TO.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	b := []byte(ts.ReadFile(args[0]))
	at := bytes.Index(b, []byte(args[1]))
	if at < 0 {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	b[at+len(args[1])] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), b, 0o600))
}

// queryID sets $QUERY to the query of a JSON result: queryid FILE.
func queryID(ts *testscript.TestScript, _ bool, args []string) {
	var result struct {
		Query string `json:"query"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &result))
	ts.Setenv("QUERY", result.Query)
}

// rewrite replaces an entry in one node's log: rewrite NODE SEQ.
func rewrite(ts *testscript.TestScript, _ bool, args []string) {
	node, err := strconv.Atoi(args[0])
	ts.Check(err)
	seq, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	cluster, ok := ts.Value(clusterKey{}).(*apitest.Cluster)
	if !ok {
		ts.Fatalf("this script has no cluster")
	}
	ts.Check(cluster.Rewrite(node, seq, []byte("another entry")))
}

// clusterKey is where a script's cluster is found.
type clusterKey struct{}

// startCluster serves a cluster and writes what `weir dev` would write.
func startCluster(env *testscript.Env, dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		return err
	}
	keys := map[cli.KeyOwner]*client.Key{}
	for _, who := range []cli.KeyOwner{cli.Operator, cli.Bureau, cli.Buyer} {
		k, err := client.NewKey(string(who))
		if err != nil {
			return err
		}
		if err := k.Save(filepath.Join(dir, "keys", string(who)+".key")); err != nil {
			return err
		}
		keys[who] = k
	}
	founder := keys[cli.Operator]
	cluster, err := apitest.New(apitest.Founder{Name: founder.Name, Signing: founder.Signing(), Receiving: founder.Public().Receiving})
	if err != nil {
		return err
	}
	env.Values[clusterKey{}] = cluster
	profile := client.Profile{Cluster: cluster.ID(), Threshold: 2}
	for i, n := range cluster.Nodes() {
		addr, err := serve(env, cluster, i)
		if err != nil {
			return err
		}
		profile.Nodes = append(profile.Nodes, client.ProfileNode{ID: n.ID, Addr: "https://" + addr, Key: n.Key})
	}
	profile.Addr = profile.Nodes[0].Addr
	c, err := client.New(profile, founder, client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	for who, role := range map[cli.KeyOwner]catalog.Role{cli.Bureau: catalog.RolePublisher, cli.Buyer: catalog.RoleBuyer} {
		if _, err := govern.AddPrincipal(context.Background(), c, keys[who].Public(), role); err != nil {
			return err
		}
	}
	if err := profile.Save(filepath.Join(dir, "ready.json")); err != nil {
		return err
	}
	return saveAway(profile, filepath.Join(env.WorkDir, "away.json"))
}

// saveAway saves the profile with addresses at which nobody answers.
func saveAway(profile client.Profile, path string) error {
	profile.Addr, profile.Nodes = "", slices.Clone(profile.Nodes)
	for i := range profile.Nodes {
		profile.Nodes[i].Addr = "https://127.0.0.1:1"
	}
	return profile.Save(path)
}

func serve(env *testscript.Env, cluster *apitest.Cluster, i int) (string, error) {
	handler, err := api.New(cluster.OptionsOf(i))
	if err != nil {
		return "", err
	}
	config, err := cluster.TLS(i)
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := api.NewServer(lying(env, handler))
	served := make(chan error, 1)
	go func() { served <- server.Serve(tls.NewListener(listener, config)) }()
	env.Defer(func() {
		if err := server.Close(); err != nil {
			env.T().Log(err)
		}
		if err := <-served; err != nil && err != http.ErrServerClosed { //nolint:errorlint // returned as it is
			env.T().Log(err)
		}
	})
	return listener.Addr().String(), nil
}
