package publish_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/answerable"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/family"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/publish"
)

// public is a report without what only the publisher knows.
func public(r *answerable.Report) answerable.Report {
	out := *r
	out.Levels = nil
	for _, l := range r.Levels {
		measures := append([]answerable.LevelMeasure{}, l.Measures...)
		for i := range measures {
			measures[i].Value = nil
		}
		l.Measures = measures
		out.Levels = append(out.Levels, l)
	}
	return out
}

// TestWhatWasForeseenIsWhatIsLive: the publisher's report before it publishes is what a
// buyer works out afterwards, of a first version and of one with corrections.
func TestWhatWasForeseenIsWhatIsLive(t *testing.T) {
	w := clienttest.New(t)
	c, buyer := w.Spooled(t.TempDir()), w.Client(catalog.RoleBuyer)
	_, err := publish.Registry(w.Ctx, c, clienttest.Firms(clienttest.ManyFirms), nil)
	w.Must(err)
	first := clienttest.FirmsCSV(clienttest.ManyFirms, 0, 6)
	corrected := strings.NewReplacer("f009,2020-02,", "f009,2020-02,1", "f001,2020-03,", "f001,2020-03,1").Replace(first)
	held := 0
	for version, csv := range []string{first, corrected} {
		p := w.Prepare(c, clienttest.ProtectedDescriptor, csv)
		foreseen, err := publish.Foresee(w.Ctx, c, p)
		w.Must(err)
		if _, err := publish.CheckListing(w.Ctx, c, p); err != nil {
			t.Fatal(err)
		}
		_, err = publish.Publish(w.Ctx, c, p, nil)
		w.Must(err)
		live, err := family.Answerable(w.Ctx, buyer, "works", 0)
		w.Must(err)
		if diff := cmp.Diff(public(foreseen), *live); diff != "" {
			t.Errorf("version %d (-foreseen +live):\n%s", version+1, diff)
		}
		if live.AsOf != version+1 || len(live.Levels) < 2 || live.Levels[0].Measures[0].Whole != 6 {
			t.Errorf("version %d: %+v", version+1, live)
		}
		held = len(live.HeldBack)
	}
	if held == 0 {
		t.Error("corrections of single firms are not held back")
	}
}

// TestAnotherPublishersDatasetIsNotListed: the check refuses it as publishing would.
func TestAnotherPublishersDatasetIsNotListed(t *testing.T) {
	w := clienttest.New(t)
	c := w.Spooled(t.TempDir())
	_, err := publish.Registry(w.Ctx, c, clienttest.Firms(clienttest.ManyFirms), nil)
	w.Must(err)
	p := w.Prepare(c, clienttest.ProtectedDescriptor, clienttest.FirmsCSV(clienttest.ManyFirms, 0, 2))
	_, err = c.Submit(w.Ctx, catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: p.Source.Descriptor})
	w.Must(err)
	key, err := client.NewKey("rival")
	w.Must(err)
	_, err = govern.AddPrincipal(w.Ctx, w.Client(catalog.RoleOperator), key.Public(), catalog.RolePublisher)
	w.Must(err)
	rival, err := client.New(w.Profile, key, w.Options())
	w.Must(err)
	t.Cleanup(rival.Close)
	_, err = publish.CheckListing(w.Ctx, rival, p)
	if r, refused := client.IsRefused(err); !refused || r.Code != "dataset.owner" {
		t.Errorf("listed for another publisher: %v", err)
	}
}

// TestMoreTilesThanAVersionHasAreRefusedBeforeAnythingIsSent.
func TestMoreTilesThanAVersionHasAreRefusedBeforeAnythingIsSent(t *testing.T) {
	d := catalog.Descriptor{Dataset: "d", Grain: calendar.Hour}
	for range catalog.MaxColumns {
		d.Measures = append(d.Measures, catalog.Measure{Squares: true})
	}
	for periods, ok := range map[int]bool{8_000: true, catalog.TileCells * catalog.MaxTiles / 128 * 2: false} {
		p := &publish.Prepared{
			Source: &panel.Source{Descriptor: d}, Panel: &panel.Panel{Entities: []string{"e"}, Periods: periods},
			Blocks: tiles.Layout(catalog.TileCells, 1, d.Grain),
		}
		if err := p.Check(); (err == nil) != ok {
			t.Errorf("%d periods in %d tiles: %v", periods, p.Tiles(), err)
		}
	}
}
