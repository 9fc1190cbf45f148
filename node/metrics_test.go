package node

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/unixsocket"
)

// A node that is asked to tells its metrics, counts what clients ask for, and stops telling
// when it is closed.
func TestMetricsAreTold(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	dir := t.TempDir()
	c := newCluster(t, 3, 2, func(o *Options) {
		o.MetricsListen, o.Version = "127.0.0.1:0", "v1"
		o.AuditLog, o.DebugSocket = filepath.Join(dir, o.ID+".jsonl"), filepath.Join(dir, o.ID+".sock")
	})
	c.await(ctx, "a node to admit the operator, who is in the genesis", func() bool {
		_, err := client.Principals.All(ctx, c.client(c.operator))
		return err == nil
	})
	n := c.nodes["n1"]
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	read := func() (string, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.MetricsAddr().String()+"/metrics", nil)
		if err != nil {
			return "", err
		}
		resp, err := client.Do(req)
		if err != nil {
			return "", err
		}
		b, err := io.ReadAll(resp.Body)
		if closed := resp.Body.Close(); err == nil {
			err = closed
		}
		return string(b), err
	}
	var text string
	c.await(ctx, "n1 to tell that it is ready", func() bool {
		var err error
		if text, err = read(); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(text, "\nweir_node_ready 1\n")
	})
	for _, want := range []string{"\nweir_cluster_members 3\n", "\nweir_build_info{version=\"v1\"} 1\n", "weir_ledger_entries_total"} {
		if !strings.Contains(text, want) {
			t.Errorf("they lack %q", want)
		}
	}
	audit := filepath.Join(dir, "n1.jsonl")
	c.await(ctx, "n1 to write who did what", func() bool {
		b, err := os.ReadFile(audit)
		return err == nil && strings.Contains(string(b), `"seq":0,`)
	})
	if b, err := os.ReadFile(audit); err != nil || strings.Contains(string(b), catalog.NodeSigner("")) {
		t.Errorf("it has acts of nodes: %s, %v", b, err)
	}
	socket := filepath.Join(dir, "n1.sock")
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v, %v", info.Mode(), err)
	}
	for path, wants := range map[string][]string{
		"/debug/pprof/goroutine?debug=1": {"goroutine profile: total"},
		"/metrics":                       {"\nweir_node_ready 1\n", "\nweir_api_request_duration_seconds_count"},
	} {
		b, err := unixsocket.Get(ctx, socket, path)
		for _, want := range wants {
			if err != nil || !strings.Contains(string(b), want) {
				t.Errorf("%s at the socket lacks %q: %.100s, %v", path, want, b, err)
			}
		}
	}
	c.close("n1")
	if _, err := read(); err == nil {
		t.Error("a node that is closed tells metrics")
	}
}
