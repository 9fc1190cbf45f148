package publish

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// A node is asked about at most holdingAsked tiles in a look, whatever a version has; what
// it lacks of these stands for all.
func TestWhatANodeHoldsIsCountedOrEstimated(t *testing.T) {
	key, err := client.NewKey("a publisher")
	if err != nil {
		t.Fatal(err)
	}
	var asked, lacks int
	status := http.StatusOK
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in wire.Missing
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		asked = len(in.Digests)
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(wire.Missing{Digests: in.Digests[:min(lacks, len(in.Digests))]}); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	node := client.ProfileNode{ID: "n1", Addr: server.URL, Key: key.Public().Key}
	c, err := client.New(client.Profile{Cluster: catalog.Sum([]byte("c")), Threshold: 2, Nodes: []client.ProfileNode{node, {ID: "n2", Addr: "https://127.0.0.1:1", Key: make([]byte, 32)}}},
		key, client.Options{RequestTimeout: time.Minute, PingTimeout: time.Minute, TLS: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, x := range []struct{ tiles, lacks, asked, held int }{{10, 4, 10, 6}, {4096, 1, 4096, 4095}, {10000, 1667, 3334, 5000}, {4096 * 5, 4096, 4096, 0}} {
		digests := make([]catalog.Digest, x.tiles)
		for i := range digests {
			digests[i] = catalog.Sum([]byte(fmt.Sprint(i)))
		}
		lacks = x.lacks
		if got := countHeld(t.Context(), c, node, digests); got != x.held || asked != x.asked {
			t.Errorf("of %d tiles %d are held, after %d were asked about; want %d and %d", x.tiles, got, asked, x.held, x.asked)
		}
	}
	if got := countHeld(t.Context(), c, node, nil); got != 0 {
		t.Errorf("of nothing %d", got)
	}
	status = http.StatusServiceUnavailable
	if got := countHeld(t.Context(), c, node, []catalog.Digest{{1}}); got != -1 {
		t.Errorf("of a node that cannot say %d", got)
	}
}
