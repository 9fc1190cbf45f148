package ask

import (
	"errors"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/audit"
)

// An earlier query stands for one that is asked now only where its receipt proves that it asked the same, of this version or a
// newer one, within the last day, by the same principal.
func TestAnEarlierQueryStandsOnlyForWhatItAsked(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	d := catalog.Dataset{ID: "air", Live: 3}
	asked := catalog.Request{Version: 1, Dataset: "air", Select: []catalog.Aggregate{{Func: "sum", Measure: "pm25"}}, SQL: "SELECT SUM(pm25) FROM air"}
	proven := func(change func(*audit.Proven)) (*audit.Proven, catalog.Query) {
		envelope := catalog.Sum([]byte("envelope"))
		p := &audit.Proven{Signer: "p-1", Envelope: envelope, Time: now.Add(-time.Hour).UnixMilli()}
		p.Query = &audit.ProvenQuery{Request: asked, Decision: catalog.Decision{Dataset: "air", Version: 3}, Done: true}
		p.Query.Request.SQL = "select sum(pm25) as s from air"
		change(p)
		return p, catalog.Query{ID: "q-1", Envelope: envelope}
	}
	for what, change := range map[string]func(*audit.Proven){
		"the same":               func(*audit.Proven) {},
		"of a newer version":     func(p *audit.Proven) { p.Query.Decision.Version = 4 },
		"of the version by name": func(p *audit.Proven) { p.Query.Request.AsOf = 3 },
	} {
		p, q := proven(change)
		if err := asksSame(p, q, "p-1", now, d, asked); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, change := range map[string]func(*audit.Proven){
		"of two days ago":   func(p *audit.Proven) { p.Time = now.Add(-48 * time.Hour).UnixMilli() },
		"of tomorrow":       func(p *audit.Proven) { p.Time = now.Add(24 * time.Hour).UnixMilli() },
		"by another":        func(p *audit.Proven) { p.Signer = "p-2" },
		"another envelope":  func(p *audit.Proven) { p.Envelope = catalog.Sum([]byte("another")) },
		"an older version":  func(p *audit.Proven) { p.Query.Decision.Version = 2 },
		"of everything":     func(p *audit.Proven) { p.Query.Request.Complete = true },
		"another aggregate": func(p *audit.Proven) { p.Query.Request.Select = []catalog.Aggregate{{Func: "count", Measure: "pm25"}} },
	} {
		p, q := proven(change)
		if err := asksSame(p, q, "p-1", now, d, asked); !errors.Is(err, ErrVerdictForged) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	of := asked
	of.AsOf = 2
	if p, q := proven(func(*audit.Proven) {}); !errors.Is(asksSame(p, q, "p-1", now, d, of), ErrVerdictForged) {
		t.Error("version 3 was taken for version 2, which was asked for")
	}
}

// What is drawn, tested or opened anew each time is asked anew.
func TestOnlyPlainQueriesAreAnsweredAgain(t *testing.T) {
	if !mayRepeat(catalog.Request{}, Options{}) {
		t.Error("a plain query is not answered again")
	}
	for what, r := range map[string]catalog.Request{
		"noised": {Noise: &catalog.Noise{Epsilon: "1"}}, "of two datasets": {Join: &catalog.Join{}}, "over a private list": {In: "v-1"}, "checked": {Verify: true},
	} {
		if mayRepeat(r, Options{}) {
			t.Errorf("a query that is %s is answered again", what)
		}
	}
	if mayRepeat(catalog.Request{}, Options{Fresh: true}) {
		t.Error("a query that is asked afresh is answered again")
	}
}
