package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weirdata/weir/node/client/nodestatus"
)

// leading tells who leads a cluster of three, and who follows, as all nodes that answer see it. It waits until
// they agree.
func leading(ts *testscript.TestScript) (leader string, followers []string) {
	tryUntil(ts, func() (bool, any) {
		_ = ts.Exec("weir", "operator", "status", "--key", "operator.key", "-o", "json") // a node that is away makes it fail
		var told struct {
			Nodes []nodestatus.Node `json:"nodes"`
		}
		ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &told))
		seen := map[string]bool{}
		followers = nil
		for _, n := range told.Nodes {
			if n.Status != nil {
				leader = n.Status.Ledger.Leader
				seen[leader] = true
			}
			if n.Status == nil || n.Status.Ledger.Leader != n.Node {
				followers = append(followers, n.Node)
			}
		}
		return len(seen) == 1 && len(followers) == len(told.Nodes)-1, fmt.Sprintf("the nodes see different leaders: %v", seen)
	})
	return leader, followers
}

// setRoles sets variables to the nodes, the one that leads first: roles LEADER FOLLOWER FOLLOWER.
func setRoles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: roles LEADER FOLLOWER FOLLOWER")
	}
	leader, followers := leading(ts)
	for i, id := range append([]string{leader}, followers...) {
		ts.Setenv(args[i], id)
	}
}

// wantLeader requires that a node leads: leads NODE.
func wantLeader(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: leads NODE")
	}
	if leader, _ := leading(ts); leader != args[0] {
		ts.Fatalf("%s leads, want %s", leader, args[0])
	}
}

// setThird sets a variable to the one of three nodes that is neither: third VAR NODE NODE.
func setThird(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 || args[1] == args[2] {
		ts.Fatalf("usage: third VAR NODE NODE, two nodes: got %q", args)
	}
	ts.Setenv(args[0], slices.DeleteFunc([]string{"n1", "n2", "n3"}, func(id string) bool { return slices.Contains(args[1:], id) })[0])
}
