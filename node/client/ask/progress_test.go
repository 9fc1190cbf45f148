package ask

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

// seen is a record of a query with attempts, all but the last of which failed, and nodes
// whose share the ledger has.
func seen(attempts int, shares ...string) catalog.Query {
	q := catalog.Query{ID: "q-1", State: catalog.QueryRunning, Shares: shares}
	sets := [][]string{{"n1", "n2"}, {"n1", "n3"}, {"n2", "n3"}}
	for i := range attempts {
		a := catalog.Attempt{Number: i + 1, Active: sets[i], Root: sets[i][0]}
		if i+1 < attempts {
			a.Failed = catalog.Why("node.unanswering", []string{"n2"})
		}
		q.Attempts = append(q.Attempts, a)
	}
	return q
}

func far(attempt int, stage wire.Stage, tiles, openings int64) *wire.Progress {
	return &wire.Progress{Attempt: attempt, Stage: stage, Tiles: tiles, TilesTotal: 1000, Openings: openings, OpeningsTotal: 100}
}

// What is told is how far the member is that is behind; no count goes back within an
// attempt, and all begin anew with the next one.
func TestProgressIsThatOfTheMemberBehindAndNeverGoesBack(t *testing.T) {
	failed := seen(1)
	failed.Attempts[0].Failed = catalog.Why("node.unanswering", []string{"n2"})
	over := seen(2, "n1", "n3")
	over.State = catalog.QueryDone
	tr := tracker{tileBytes: 7}
	for i, step := range []struct {
		told            []told
		attempt         int
		known           bool
		stage           wire.Stage
		tiles, openings int64
	}{
		{[]told{{"n3", seen(0), nil}}, 0, true, wire.StageWaiting, 0, 0},
		{[]told{{"n1", seen(1), far(1, wire.StageWaiting, 0, 0)}}, 1, true, wire.StageWaiting, 0, 0},
		{[]told{{"n1", seen(1), far(1, wire.StageTiles, 200, 0)}, {"n2", seen(1), far(1, wire.StageTiles, 100, 0)}}, 1, true, wire.StageTiles, 100, 0},
		// n1 is asked in vain and n2 gets on: n1 is behind as far as is known.
		{[]told{{"n2", seen(1), far(1, wire.StageOpenings, 640, 64)}}, 1, true, wire.StageTiles, 200, 0},
		{[]told{{"n1", seen(1), far(1, wire.StageTiles, 700, 64)}}, 1, true, wire.StageOpenings, 640, 64},
		// A node that was started anew counts from 0: what was told stays.
		{[]told{{"n2", seen(1), far(1, wire.StageTiles, 0, 0)}}, 1, true, wire.StageTiles, 640, 64},
		// Nobody who is no member has a say, nor an attempt that is over.
		{[]told{{"n3", seen(1), far(1, wire.StageWaiting, 0, 0)}, {"n2", seen(1), far(2, wire.StageTiles, 999, 0)}}, 1, true, wire.StageTiles, 640, 64},
		{[]told{{"n1", failed, nil}}, 0, true, wire.StageWaiting, 0, 0},
		// An older record of a node that is behind changes nothing.
		{[]told{{"n2", seen(1), far(1, wire.StageOpenings, 900, 64)}}, 0, true, wire.StageWaiting, 0, 0},
		{[]told{{"n1", seen(2), far(2, wire.StageTiles, 64, 0)}, {"n2", seen(1), far(1, wire.StageOpenings, 900, 64)}}, 2, true, wire.StageTiles, 64, 0},
		{[]told{{"n1", seen(2), far(2, wire.StageAnswer, 1000, 100)}}, 2, true, wire.StageAnswer, 1000, 100},
		{[]told{{"n1", seen(2, "n1"), nil}}, 2, true, wire.StageAnswer, 1000, 100},
		{[]told{{"n1", over, nil}}, 2, true, wire.StageAnswer, 1000, 100},
	} {
		h, ok := tr.take(step.told)
		if !ok || h.Known != step.known || h.Attempt != step.attempt || h.Stage != step.stage || h.Tiles != step.tiles || h.Openings != step.openings || h.TileBytes != 7 {
			t.Errorf("look %d: %+v (%v)", i, h.Progress, h.Known)
		}
	}
}

func TestProgressIsUnknownWhereNoMemberSaysAnything(t *testing.T) {
	var tr tracker
	if h, ok := tr.take(nil); ok {
		t.Errorf("nobody answered, and it is %+v", h)
	}
	if h, ok := tr.take([]told{{"n1", seen(1), nil}, {"n2", seen(1), nil}}); !ok || h.Known || h.Query.ID == "" {
		t.Errorf("older nodes: %+v", h)
	}
	// One member of an older version: the other's counts are what there is.
	if h, ok := tr.take([]told{{"n1", seen(1), nil}, {"n2", seen(1), far(1, wire.StageTiles, 64, 0)}}); !ok || !h.Known || h.Tiles != 64 {
		t.Errorf("one older node: %+v", h)
	}
}

// What a node of another version answers is a record all the same.
func TestProgressThatIsNotUnderstoodIsNone(t *testing.T) {
	raw, err := json.Marshal(wire.Query{Query: seen(1), Progress: far(1, wire.StageTiles, 64, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := readTold("n1", raw); !ok || got.query.ID != "q-1" || got.progress == nil || *got.progress != *far(1, wire.StageTiles, 64, 0) {
		t.Errorf("read %+v", got)
	}
	for _, other := range []string{
		strings.Replace(string(raw), `"tiles":64`, `"tiles":64,"bytes":1`, 1),
		strings.Replace(string(raw), `"stage":"tiles"`, `"stage":"something new"`, 1),
		strings.Replace(string(raw), `"tiles":64`, `"tiles":-1`, 1),
	} {
		if got, ok := readTold("n1", []byte(other)); !ok || got.query.ID != "q-1" || got.progress != nil || other == string(raw) {
			t.Errorf("%s is read as %+v", other, got)
		}
	}
	if _, ok := readTold("n1", []byte("no JSON")); ok {
		t.Error("what is no JSON is a record")
	}
}
