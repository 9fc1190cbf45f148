package node

import (
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/family"
)

// Addresses say nothing: where all of them lead to one node, by a forwarded port or by
// somebody who bends the way, this node is heard once and not for all.
func TestOneNodeDoesNotAnswerForSeveral(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	profile := x.profile
	profile.Nodes = append([]client.ProfileNode{}, profile.Nodes...)
	for i := range profile.Nodes {
		profile.Nodes[i].Addr = profile.Nodes[0].Addr
	}
	read := func(forHowLong time.Duration) (*family.Family, error) {
		c, err := client.New(profile, x.bureau.Key(), client.Options{Patience: forHowLong, RequestTimeout: patience + time.Minute, PingTimeout: 15 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return family.Read(ctx, c, "firms")
	}
	if _, err := read(2 * time.Second); err == nil || !strings.Contains(err.Error(), "1 of the 2 nodes answered") {
		t.Errorf("one node under three addresses: %v", err)
	}
	// A port that leads to another node than it says is that other node.
	profile.Nodes[1].Addr = x.profile.Nodes[2].Addr
	if f, err := read(patience); err != nil || len(f.Settled) != 1 {
		t.Errorf("two nodes: %v", err)
	}
}
