package consensus

import (
	"testing"
	"time"
)

// What raft's timer alone would tell followers, after an hour here, they hear at once: what they do with an entry,
// and who waits for it there, is not kept waiting.
func TestFollowersHearOfACommitAtOnce(t *testing.T) {
	c := startCluster(t, 3, func(o *Options) {
		steady(o)
		o.CommitTimeout = time.Hour
	})
	leader := c.leader()
	c.propose("set first 1") // by which the followers have pipelines
	for _, entry := range []string{"set a 1", "set b 2", "set c 3"} {
		a, err := leader.Propose(t.Context(), []byte(entry))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range c.running() {
			await(t, l.opts.ID+" to apply "+entry, func() bool { return l.AppliedIndex() >= a.Index })
		}
	}
}
