package state

import (
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// A cluster has a feature level. An act that came with a level is refused until the cluster
// has it, by programs that know the act as by those that do not, so that nodes of two
// releases decide alike; so is a field or a word of an act's body (catalog.DecodeAt). An operator
// raises the level when every node runs a program that has it, which the leader sees to. A
// program that lacks the level stops at the entry that raised it, instead of deciding otherwise.
//
// What an act that is there does changes with a level too: its handler asks Cluster.FeatureLevel.
// Level 2: numbers, ucum, pollutant, pcaf of descriptors; weeks, half-hours, quarter-hours.
// Level 3: caps and above_cap of policies, caps of versions, limits of private weights.
// Level 4: nothing in the ledger; what nodes send each other in products of shares (PROTOCOL.md section 5.3).
// Level 5: checked answers (PROTOCOL.md section 3.7).
// Level 6: version_days of policies; tiles that are packed, which the ledger does not see.

// ErrLevel is returned by Apply where the cluster has a feature level that this program lacks.
var ErrLevel = errors.New("this program is too old for the cluster: install the release that the other nodes run, and start the node again")

// linked is set by the linker in a test of upgrades, which needs a program of the next level
// before there is one: each character is a level more.
var linked string

// FeatureLevel is the newest feature level that this program has.
var FeatureLevel = 6 + len(linked)

// levelActs raise the level.
var levelActs = []act{
	{kind: catalog.KindClusterLevel, by: operators, public: true, handle: handler(raiseLevel)},
}

// raiseLevel raises the cluster's feature level by one.
func raiseLevel(c *applyContext, b catalog.ClusterLevel) error {
	now := c.cluster.FeatureLevel()
	if b.Level != now+1 {
		return catalog.Conflict("level", "level.next", b.Level, now)
	}
	if err := lacks(b.Level); err != nil {
		return err
	}
	cluster := *c.cluster // others may be reading the one that is there
	cluster.Level = b.Level
	c.cluster = &cluster
	return records.Put(c.tx, records.KeyCluster, c.cluster)
}

// lacks is ErrLevel for a level that this program does not have.
func lacks(level int) error {
	if level > FeatureLevel {
		return fmt.Errorf("%w: level %d, it has %d", ErrLevel, level, FeatureLevel)
	}
	return nil
}
