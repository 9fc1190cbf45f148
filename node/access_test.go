package node

import (
	"errors"
	"fmt"
	"testing"

	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/peer"
)

// A leader whose ledger stops while it is asked says so as one that leads no more: whoever
// asked waits for the next one, and a person is not told of an internal error.
func TestLeaderThatStoppedIsLeftForTheNext(t *testing.T) {
	t.Parallel()
	for _, stopped := range []error{consensus.ErrFault, consensus.ErrClosed, consensus.ErrLostLeadership, consensus.ErrNoQuorum} {
		var told *peer.Error
		if err := tellLeaderError(fmt.Errorf("propose: %w", stopped)); !errors.As(err, &told) {
			t.Errorf("%v is told as %v", stopped, err)
			continue
		}
		if heard := (&peer.RemoteError{Node: "n1", Status: told.Status, Kind: told.Kind, Message: told.Message}); !leaderMayChange(heard) {
			t.Errorf("%v is heard as %v, after which nobody waits for the next leader", stopped, heard)
		}
	}
}
