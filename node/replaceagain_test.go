package node

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/roster"
)

// Who has not heard that another machine was taken up, and says it again to a node that would not spare the vote now, is
// told that it was: told the contrary it would start the one before again.
func TestAReplacementThatWasTakenIsNotRefused(t *testing.T) {
	t.Parallel()
	w := makeDutyWorld(t)
	synctest.Test(t, func(t *testing.T) {
		s := newDuties(t, w, 1, dutyBug{})
		s.ledger.calm, s.net.calm, s.attempt = true, true, 15*time.Second
		s.stay = true
		for _, id := range w.ids() {
			s.open(id)
		}
		s.ledger.lead("n1")
		time.Sleep(5 * time.Second)
		_, n := s.newDutyMachine(w.members.Nodes[2])
		n.Addr, n.API = "127.0.0.1:1", "https://127.0.0.1:2"
		e := w.envelope(w.operator, catalog.KindSeatReplace, roster.Replace{Previous: w.members.ID, Node: n}, s.clock("n1")())
		leader := s.up()[0]
		first, err := leader.node.Submit(t.Context(), e, false)
		if err != nil || first.Outcome.Refusal != nil {
			t.Errorf("another machine is refused: %+v, %v", first.Outcome, err)
		}
		leader.node.health.set("n2", observation{}) // until the next ping
		again, err := leader.node.Submit(t.Context(), e, false)
		if err != nil || !again.Outcome.Repeat || again.Outcome.Seq != first.Outcome.Seq {
			t.Errorf("said again: %+v, %v", again.Outcome, err)
		}
		leader.node.health.set("n2", observation{})
		var no *catalog.Refusal
		other := w.envelope(w.operator, catalog.KindSeatReplace, roster.Replace{Previous: w.members.ID, Node: n, KeysLost: true}, s.clock("n1")())
		if _, err := leader.node.Submit(t.Context(), other, false); !errors.As(err, &no) || no.Code != "seat.votes" {
			t.Errorf("another act: %v", err)
		}
		for _, x := range s.up() {
			s.stop(x)
		}
		s.net.late.Wait()
		s.zombies.Wait()
	})
}
