package dcat

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/piprate/json-gold/ld"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// offline refuses to load anything: a document must carry its context.
type offline struct{}

func (offline) LoadDocument(string) (*ld.RemoteDocument, error) {
	return nil, errors.New("the document refers to a context elsewhere")
}

// triple is one statement: subject, predicate and object as text.
type triple struct{ s, p, o string }

// triples has an independent processor read the document.
func triples(t *testing.T, doc []byte) []triple {
	t.Helper()
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	options := ld.NewJsonLdOptions("")
	options.DocumentLoader = offline{}
	if _, err := ld.NewJsonLdProcessor().Flatten(v, nil, options); err != nil {
		t.Fatal(err)
	}
	out, err := ld.NewJsonLdProcessor().ToRDF(v, options)
	if err != nil {
		t.Fatal(err)
	}
	var all []triple
	for _, q := range out.(*ld.RDFDataset).Graphs["@default"] {
		all = append(all, triple{q.Subject.GetValue(), q.Predicate.GetValue(), q.Object.GetValue()})
	}
	if len(all) == 0 {
		t.Fatal("the document says nothing")
	}
	return all
}

const (
	rdfType = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
	nsDCAT  = "http://www.w3.org/ns/dcat#"
	nsDCT   = "http://purl.org/dc/terms/"
	nsODRL  = "http://www.w3.org/ns/odrl/2/"
)

func objects(all []triple, s, p string) []string {
	var out []string
	for _, t := range all {
		if t.s == s && t.p == p {
			out = append(out, t.o)
		}
	}
	return out
}

func ofType(all []triple, class string) []string {
	var out []string
	for _, t := range all {
		if t.p == rdfType && t.o == class {
			out = append(out, t.s)
		}
	}
	return out
}

func example() (catalog.Cluster, Listing) {
	c := catalog.Cluster{Name: "test", Nodes: []catalog.Node{{ID: "n1", API: "https://n1:8000"}}}
	d := catalog.Descriptor{
		Dataset: "works", Title: catalog.Text{EN: "Works", ZH: "企业"}, License: "CC-BY-4.0", Registry: "firms", Entity: "firm", Grain: calendar.Month,
		UTCOffset: "+08:00", Measures: []catalog.Measure{{Name: "nox", Unit: "kg", Min: -5, Max: 1000, Decimals: 2}},
		Policy: catalog.Policy{Aggregates: []string{"sum"}, Grain: calendar.Month, MinCohort: 5},
		Price:  &catalog.Price{PerQuery: "2.50", Currency: "CNY"},
	}
	version := func(n int, state catalog.VersionState) catalog.Version {
		return catalog.Version{VersionPropose: catalog.VersionPropose{Dataset: "works", First: 648, Periods: 2, Entities: 6}, Version: n, State: state, LiveAt: int64(n) * 1000}
	}
	return c, Listing{
		Dataset: catalog.Dataset{ID: "works", Owner: "p-1", Descriptor: d, Versions: 3, Live: 2, Created: 500}, Owner: "Bureau",
		Versions: []catalog.Version{version(1, catalog.VersionLive), version(2, catalog.VersionLive), version(3, catalog.VersionRejected)},
	}
}

// What DCAT-AP 3 requires of each class, and what Weir promises.
func TestCatalogHasWhatDCATAPRequires(t *testing.T) {
	cluster, l := example()
	doc, err := Catalog(cluster, []Listing{l}, Part{})
	if err != nil {
		t.Fatal(err)
	}
	all := triples(t, doc)
	for class, required := range map[string][]string{
		"Catalog":       {nsDCT + "title", nsDCT + "description", nsDCT + "publisher", nsDCAT + "dataset", nsDCAT + "service"},
		"Dataset":       {nsDCT + "title", nsDCT + "description", nsDCT + "publisher"},
		"DatasetSeries": {nsDCT + "title", nsDCT + "description"},
		"Distribution":  {nsDCAT + "accessURL", nsDCAT + "accessService", nsODRL + "hasPolicy"},
		"DataService":   {nsDCT + "title", nsDCAT + "endpointURL", nsDCAT + "servesDataset"},
	} {
		found := ofType(all, nsDCAT+class)
		if len(found) == 0 {
			t.Errorf("there is no %s", class)
		}
		for _, s := range found {
			for _, p := range required {
				if len(objects(all, s, p)) == 0 {
					t.Errorf("%s %s has no %s", class, s, p)
				}
			}
		}
	}
	const works = "https://n1:8000/v1/datasets/works"
	if got := objects(all, works, nsDCT+"title"); !slices.Equal(got, []string{"Works", "企业"}) {
		t.Errorf("titles %q", got)
	}
	if got := objects(all, works, nsDCAT+"hasVersion"); len(got) != 2 {
		t.Errorf("versions %q; one that was rejected is none", got)
	}
	if got := objects(all, works+"/versions/2", nsDCAT+"previousVersion"); !slices.Equal(got, []string{works + "/versions/1"}) {
		t.Errorf("the version before the second: %q", got)
	}
	if got := objects(all, works, nsODRL+"hasPolicy"); !slices.Equal(got, []string{works + "#policy"}) || len(ofType(all, nsODRL+"Offer")) != 1 {
		t.Errorf("policy %q", got)
	}
	for _, want := range []string{"2.50", "2024-01-01", "2024-02-29", "-0.05", "https://creativecommons.org/licenses/by/4.0/"} {
		if !slices.ContainsFunc(all, func(t triple) bool { return t.o == want }) {
			t.Errorf("nothing says %s", want)
		}
	}
	again, err := Catalog(cluster, []Listing{l}, Part{})
	if err != nil || string(again) != string(doc) {
		t.Error("the same catalog is written in two ways")
	}
}

func TestAgreementSaysTheContractsTerms(t *testing.T) {
	cluster, l := example()
	k := catalog.Contract{
		ID: "c-1", Buyer: "p-2", Publisher: "p-1", Dataset: "works", Purpose: "credit risk", Measures: []string{"nox"}, Aggregates: []string{"sum"},
		From: 0, Until: 86_400_000, Queries: 10, Budget: "20.00", Price: l.Dataset.Descriptor.Price, State: catalog.ContractActive,
		Scope: &catalog.Scope{Columns: []string{"county"}, Grain: calendar.Year},
	}
	doc, err := Agreement(cluster, k, l.Dataset, "Bank", "Bureau")
	if err != nil {
		t.Fatal(err)
	}
	all := triples(t, doc)
	agreement := ofType(all, nsODRL+"Agreement")
	if len(agreement) != 1 {
		t.Fatalf("agreements %q", agreement)
	}
	for p, want := range map[string]string{"assigner": "urn:weir:principal:p-1", "assignee": "urn:weir:principal:p-2"} {
		if got := objects(all, agreement[0], nsODRL+p); !slices.Equal(got, []string{want}) {
			t.Errorf("%s %q", p, got)
		}
	}
	for _, want := range []string{"credit risk", "10", "20.00", "2.50", "1970-01-02T00:00:00Z", "nox", "sum", "county", "P1Y", nsODRL + "payAmount"} {
		if !slices.ContainsFunc(all, func(t triple) bool { return t.o == want }) {
			t.Errorf("nothing says %s", want)
		}
	}
}

func TestFeedTellsTheNewestFirst(t *testing.T) {
	cluster, l := example()
	changes := []Change{{Dataset: l.Dataset, Version: l.Versions[1]}, {Dataset: l.Dataset}}
	doc, err := Feed(cluster, changes, Part{Next: "0/7", Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Version string
		NextURL string `json:"next_url"`
		Items   []struct{ ID, Title string }
	}
	if err := json.Unmarshal(doc, &f); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(f.Version, "/1.1") || len(f.Items) != 2 || !strings.HasPrefix(f.Items[0].Title, "Version 2") || !strings.HasSuffix(f.Items[1].ID, "/datasets/works") ||
		f.NextURL != "https://n1:8000/v1/feed?after=0%2F7&limit=2" {
		t.Fatalf("feed %s", doc)
	}
}
