package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/node/api/dcat"
	"github.com/weirdata/weir/node/api/wire"
)

// What was before an amendment or a correction can be read by whoever holds an answer of
// then.
func TestWhatWasBeforeIsRead(t *testing.T) {
	w := newWorld(t)
	w.list()
	d := read[catalog.Dataset](w, "/v1/datasets/air", "")
	amended := d.Descriptor
	amended.Title.EN = "Air of stations"
	w.submit(catalog.RolePublisher, catalog.KindDatasetAmend, catalog.DatasetAmend{Descriptor: amended}, http.StatusOK)
	for i, want := range []string{d.Descriptor.Title.EN, "Air of stations"} {
		if got := read[catalog.Descriptor](w, fmt.Sprintf("/v1/datasets/air/descriptors/%d", i), ""); got.Title.EN != want {
			t.Errorf("after %d amendments the title was %q, want %q", i, got.Title.EN, want)
		}
	}
	w.problem(w.do("GET", "/v1/datasets/air/descriptors/2", "", nil), http.StatusNotFound, wire.KindNotFound)
	w.problem(w.do("GET", "/v1/datasets/air/descriptors/-1", "", nil), http.StatusUnprocessableEntity, wire.KindRequest)

	r := read[catalog.Registry](w, "/v1/registries/stations", "")
	rows := [][]string{{"s2", "north"}}
	w.submit(catalog.RolePublisher, catalog.KindRegistryCorrect, catalog.RegistryCorrect{
		ID: "stations", Base: r.Digest, Rows: 1, Digest: tables.RowsDigest(rows), Chunk: rows,
	}, http.StatusOK)
	for query, want := range map[string]string{
		"": "[[s1 north] [s2 north] [s3 south]]", "?state=2": "[[s1 north] [s2 north] [s3 south]]",
		"?state=1": "[[s1 north] [s2 south] [s3 south]]", "?state=1&from=1&to=2": "[[s2 south]]",
	} {
		if got := fmt.Sprint(read[wire.Rows](w, "/v1/registries/stations/rows"+query, "").Rows); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	w.problem(w.do("GET", "/v1/registries/stations/rows?state=3", "", nil), http.StatusNotFound, wire.KindNotFound)
	states := read[wire.RegistryStates](w, "/v1/registries/stations/states", "").States
	if len(states) != 2 || states[0].Digest != r.Digest || states[1].Corrected != 1 {
		t.Errorf("states %+v", states)
	}
	w.problem(w.do("GET", "/v1/registries/nowhere/states", "", nil), http.StatusNotFound, wire.KindNotFound)
}

// A withdrawn dataset is in no list, but whoever knows it is told since when, and why.
func TestAWithdrawnDatasetIsNotListed(t *testing.T) {
	w := newWorld(t)
	w.list()
	shown := w.do("GET", "/catalog.html", "", nil)
	page := string(w.want(shown, http.StatusOK))
	if !strings.Contains(page, ">air</code>") || strings.Contains(page, "<script") {
		t.Errorf("the page for people is %s", page)
	}
	for header, want := range map[string]string{"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": dcat.PagePolicy, "X-Content-Type-Options": "nosniff", "Vary": "Accept-Language"} {
		if got := shown.header.Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	w.submit(catalog.RolePublisher, catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "air", Reason: "measured wrongly"}, http.StatusOK)
	if got := read[wire.Datasets](w, "/v1/datasets", "").Datasets; len(got) != 0 {
		t.Errorf("listed %+v", got)
	}
	if got := read[wire.Datasets](w, "/v1/datasets?withdrawn=true", "").Datasets; len(got) != 1 {
		t.Errorf("of all %+v", got)
	}
	if got := read[catalog.Dataset](w, "/v1/datasets/air", "").Withdrawn; got == nil || got.Reason != "measured wrongly" {
		t.Errorf("withdrawn %+v", got)
	}
	catalogue := string(w.want(w.do("GET", "/v1/catalog", "", nil), http.StatusOK))
	if strings.Contains(catalogue, "datasets/air") {
		t.Errorf("the catalog has it: %s", catalogue)
	}
	if page := string(w.want(w.do("GET", "/catalog.html", "", nil), http.StatusOK)); strings.Contains(page, "air</code>") {
		t.Errorf("the page for people has it: %s", page)
	}
	feed := string(w.want(w.do("GET", "/v1/feed", "", nil), http.StatusOK))
	if !strings.Contains(feed, "Dataset air was withdrawn") || !strings.Contains(feed, "measured wrongly") {
		t.Errorf("the feed says nothing of it: %s", feed)
	}
}
