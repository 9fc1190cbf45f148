package dev

import (
	"testing"

	"github.com/weirdata/weir/catalog"
)

func TestPinnedIsWhatTheFoundingNames(t *testing.T) {
	dir := t.TempDir()
	if _, err := Pinned(dir); err == nil {
		t.Error("a directory without a founding pins a cluster")
	}
	g, err := layout{dir}.found(t.Context(), []string{"127.0.0.1", "127.0.0.1", "127.0.0.1"}, 2)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Pinned(dir)
	if err != nil {
		t.Fatal(err)
	}
	body, err := g.Body()
	if err != nil {
		t.Fatal(err)
	}
	if p.Cluster != catalog.Sum(g.Envelope.Payload) || p.Quorum() != 2 || len(p.Nodes) != 3 || string(p.Nodes[2].Key) != string(body.Nodes[2].Key) {
		t.Errorf("pinned is %+v", p)
	}
}
