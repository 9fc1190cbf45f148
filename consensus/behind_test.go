package consensus

import "testing"

// TestMemberThatIsBehindVotesForANewOne: while a member is away a new one is given a vote, and another
// loses its own. Then the leader is lost. The two that are left are a majority, and one has not heard
// of the other.
func TestMemberThatIsBehindVotesForANewOne(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		leaves := ""
		c := startCluster(t, 3, func(o *Options) {
			o.Bootstrap = o.ID != "n4"
			o.Votes = func(id string) bool { return id != leaves }
		})
		c.propose("set a 1")
		c.settle()
		leader := c.leader()
		var others []string
		for _, l := range c.running() {
			if l != leader {
				others = append(others, l.opts.ID)
			}
		}
		behind := others[0]
		leaves = others[1]
		c.stop(behind)

		layer := c.listen("")
		joins := Member{ID: "n4", Addr: layer.Addr().String()}
		c.layer[joins.ID], c.members = layer, append(c.members, joins)
		added := c.start(joins.ID)
		if err := leader.AddNonvoter(t.Context(), joins, 0); err != nil {
			t.Fatal(err)
		}
		await(t, "n4 to vote", func() bool { return added.MayVote() == nil })
		if err := leader.Demote(t.Context(), leaves, 0); err != nil {
			t.Fatal(err)
		}
		if err := added.WaitApplied(t.Context(), leader.AppliedIndex()); err != nil {
			t.Fatal(err)
		}
		await(t, "n4 to hear of it", func() bool { return !added.Votes()[leaves] })

		c.stop(leader.opts.ID)
		c.start(behind)
		await(t, "n4 to lead", added.IsLeader)
		c.propose("set a 2")
	})
}
