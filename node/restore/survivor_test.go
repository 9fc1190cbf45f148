package restore

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
)

// Incident: the keys were shared anew, and one survivor knows that and another does not. What one has of a sharing is
// nothing of another: a key is not told to be left by shares that do not go together.
func TestSharesOfAnotherSharingAreNotLeft(t *testing.T) {
	nodes := []string{"n1", "n2", "n3"}
	of := func(node, key, vector string) Finding {
		return Finding{
			Node: node, Shares: []string{key, vector},
			Keys:    []KeyShare{{Key: "k", Threshold: 2, Nodes: nodes, Share: key}},
			Vectors: []VectorShares{{Threshold: 2, Nodes: nodes, Shares: []string{vector}}},
		}
	}
	one, same, later := of("n1", "key/k/1/1", "vector/v/1"), of("n2", "key/k/1/1", "vector/v/1"), of("n2", "key/k/2/1", "vector/v/2")
	for _, x := range []struct {
		other Finding
		want  []string
	}{{same, []string{"n1", "n2"}}, {later, []string{"n1"}}} {
		p := Plan{Survivors: []Finding{one, x.other}, Restore: recovery.Restore{Order: recovery.Order{Survivor: "n1"}}}
		left, err := p.Left()
		if err != nil || len(left) != 2 {
			t.Fatal(left, err)
		}
		for _, l := range left {
			if !slices.Equal(l.Left, x.want) || l.Enough() != (len(x.want) == 2) {
				t.Errorf("of the %s are left %v, want %v", l.Kind, l.Left, x.want)
			}
		}
	}
}

// A survivor that cut its log before a change of the roster would have the operators counted who had seats then.
func TestTheOrderIsOfTheLatestRosterThatASurvivorKnows(t *testing.T) {
	founding, change, other := catalog.Envelope{Payload: []byte("founding")}, catalog.Envelope{Payload: []byte("n3 goes")}, catalog.Envelope{Payload: []byte("n4 comes")}
	of := func(node string, roster ...catalog.Envelope) Finding { return Finding{Node: node, Roster: roster} }
	cut, whole := of("n1", founding), of("n2", founding, change)
	if err := cut.knowsRoster(whole); !errors.Is(err, ErrLaterRoster) || !errors.Is(err, ErrOrder) || !strings.Contains(err.Error(), change.Digest().String()) {
		t.Errorf("of a log that was cut: %v", err)
	}
	if err := whole.knowsRoster(cut); err != nil {
		t.Errorf("the other way round: %v", err)
	}
	if err := of("n1", founding, other, change).knowsRoster(whole); !errors.Is(err, ErrLaterRoster) {
		t.Errorf("of another past: %v", err)
	}
	if err := whole.knowsRoster(whole); err != nil {
		t.Error(err)
	}
}
