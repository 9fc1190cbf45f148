package dcat

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"strconv"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
)

// Listing is one dataset with what a catalog says of it.
type Listing struct {
	Dataset  catalog.Dataset
	Versions []catalog.Version // the newest, in the order of their numbers
	Owner    string            // the publisher's name
}

// Part says which part of a list a document holds: what the request's parameters
// were, and Next, the parameter after of the next part; empty: it is the last.
type Part struct {
	After, Next string
	Limit       int
}

// address is where the part that begins after a place is read.
func (p Part) address(list, after string) string {
	q := url.Values{}
	if after != "" {
		q.Set("after", after)
	}
	if p.Limit != 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	if len(q) == 0 {
		return list
	}
	return list + "?" + q.Encode()
}

// next is the address of the next part; empty: there is none.
func (p Part) next(list string) string {
	if p.Next == "" {
		return ""
	}
	return p.address(list, p.Next)
}

// object is a JSON-LD node. encoding/json writes keys in order, so equal
// catalogs are equal bytes.
type object = map[string]any

// context is in every document. Terms keep their prefixes, which every JSON-LD
// processor and every reader understands alike.
func context() object {
	return object{
		"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "foaf": "http://xmlns.com/foaf/0.1/",
		"hydra": "http://www.w3.org/ns/hydra/core#",
		"odrl":  "http://www.w3.org/ns/odrl/2/", "rdfs": "http://www.w3.org/2000/01/rdf-schema#", "schema": "https://schema.org/",
		"xsd": "http://www.w3.org/2001/XMLSchema#", "weir": vocabulary,
	}
}

// vocabulary is the namespace of what DCAT and ODRL have no word for.
const vocabulary = "urn:weir:terms#"

// Catalog is a part of the catalog as one dcat:Catalog, with the address of the next part
// in the Hydra vocabulary, as catalogs of DCAT are paged elsewhere.
func Catalog(cluster catalog.Cluster, listings []Listing, p Part) ([]byte, error) {
	b := builder{base: base(cluster)}
	datasets, series, services := []any{}, []any{}, []any{}
	seen, last := map[string]bool{}, int64(0)
	for _, l := range listings {
		last = max(last, l.changed())
		datasets = append(datasets, b.dataset(l))
		services = append(services, ref(b.iri(l.Dataset.ID)))
		if r := l.Dataset.Descriptor.Registry; !seen[r] {
			seen[r] = true
			series = append(series, b.series(r))
		}
	}
	title := "Weir " + cluster.Name
	list := b.at("v1", "catalog")
	view := object{"@id": p.address(list, p.After), "@type": "hydra:PartialCollectionView"}
	if next := p.next(list); next != "" {
		view["hydra:next"] = ref(next)
	}
	return json.Marshal(object{
		"@context": context(), "@id": list, "@type": "dcat:Catalog",
		"dct:title":       english(title),
		"dct:description": english("Datasets whose readings stay encrypted: aggregate queries are answered under a contract."),
		"dct:publisher":   object{"@id": "urn:weir:cluster:" + cluster.ID.String(), "@type": "foaf:Agent", "foaf:name": title},
		"dct:modified":    instant(last),
		"hydra:view":      view,
		"dcat:dataset":    append(datasets, series...),
		"dcat:service": object{
			"@id": b.service(), "@type": "dcat:DataService", "dct:title": english("Aggregate queries on encrypted readings"),
			"dcat:endpointURL":         ref(b.at("v1")),
			"dcat:endpointDescription": ref(b.at("v1", "openapi.json")),
			"dcat:servesDataset":       services,
		},
	})
}

// base is the address that identifiers begin with: the first node's.
func base(cluster catalog.Cluster) string {
	if len(cluster.Nodes) == 0 {
		return "urn:weir:cluster:" + cluster.ID.String()
	}
	return cluster.Nodes[0].API
}

type builder struct{ base string }

func (b builder) at(parts ...string) string {
	out := b.base
	for _, p := range parts {
		out += "/" + url.PathEscape(p)
	}
	return out
}

func (b builder) iri(id string) string { return b.at("v1", "datasets", id) }
func (b builder) release(id string, n int) string {
	return b.at("v1", "datasets", id, "versions", fmt.Sprint(n))
}
func (b builder) service() string { return b.at("v1", "catalog") + "#service" }

func ref(iri string) object { return object{"@id": iri} }

func english(text string) object { return object{"@value": text, "@language": "en"} }

// texts are the languages that a text has; other is taken when it has none.
func texts(t catalog.Text, other string) []any {
	var out []any
	if t.EN != "" {
		out = append(out, english(t.EN))
	}
	if t.ZH != "" {
		out = append(out, object{"@value": t.ZH, "@language": "zh"})
	}
	if out == nil {
		out = []any{other}
	}
	return out
}

func typed(value, datatype string) object { return object{"@value": value, "@type": datatype} }

func instant(ms int64) object {
	return typed(time.UnixMilli(ms).UTC().Format(time.RFC3339), "xsd:dateTime")
}

// changed is when a dataset got its newest live version, or was listed.
func (l Listing) changed() int64 {
	last := l.Dataset.Created
	for _, v := range l.Versions {
		last = max(last, v.LiveAt)
	}
	return last
}

func (b builder) dataset(l Listing) object {
	d, id := l.Dataset.Descriptor, b.iri(l.Dataset.ID)
	o := object{
		"@id": id, "@type": "dcat:Dataset", "dct:identifier": l.Dataset.ID,
		"dct:title":       texts(d.Title, l.Dataset.ID),
		"dct:description": texts(d.Description, summary(d)),
		"dct:publisher": object{
			"@id": "urn:weir:principal:" + l.Dataset.Owner, "@type": "foaf:Agent", "foaf:name": l.Owner,
		},
		"dct:issued": instant(l.Dataset.Created), "dct:modified": instant(l.changed()),
		"dcat:inSeries":           ref(b.at("v1", "registries", d.Registry)),
		"dcat:temporalResolution": typed(d.Grain.Duration(), "xsd:duration"),
		"schema:variableMeasured": measures(d),
		"dcat:distribution": object{
			"@id": id + "#query", "@type": "dcat:Distribution", "dct:title": english("Aggregate queries under a contract"),
			"dcat:accessURL": ref(b.at("v1", "envelopes")), "dcat:accessService": ref(b.service()),
			"odrl:hasPolicy": ref(id + "#policy"),
		},
		"odrl:hasPolicy": b.offer(l),
	}
	license(o, d.License)
	var versions []any
	last := ""
	for _, v := range l.Versions {
		if v.State != catalog.VersionLive {
			continue
		}
		versions = append(versions, b.version(l, v, last))
		last = b.release(l.Dataset.ID, v.Version)
	}
	if versions != nil {
		o["dcat:hasVersion"], o["dcat:hasCurrentVersion"] = versions, ref(last)
		o["dcat:version"] = fmt.Sprint(l.Dataset.Live)
	}
	return o
}

func (b builder) version(l Listing, v catalog.Version, previous string) object {
	d := l.Dataset.Descriptor
	o := object{
		"@id": b.release(l.Dataset.ID, v.Version), "@type": "dcat:Dataset",
		"dct:title": texts(d.Title, l.Dataset.ID), "dct:description": texts(d.Description, summary(d)),
		"dct:publisher": ref("urn:weir:principal:" + l.Dataset.Owner),
		"dcat:version":  fmt.Sprint(v.Version), "dcat:isVersionOf": ref(b.iri(l.Dataset.ID)),
		"dct:issued":    instant(v.LiveAt),
		"dct:temporal":  temporal(d, v),
		"weir:manifest": v.Manifest.String(), "weir:entities": v.Entities, "weir:periods": v.Periods,
	}
	if previous != "" {
		o["dcat:previousVersion"] = ref(previous)
	}
	return o
}

// temporal is the time from a version's first day to its last.
func temporal(d catalog.Descriptor, v catalog.Version) object {
	first := d.Grain.Span(v.First, calendar.Day).From
	last := d.Grain.Span(v.First+int64(v.Periods)-1, calendar.Day).To - 1
	day := func(i int64) object { return typed(calendar.Day.Format(i), "xsd:date") }
	return object{"@type": "dct:PeriodOfTime", "dcat:startDate": day(first), "dcat:endDate": day(last)}
}

func (b builder) series(registry string) object {
	return object{
		"@id": b.at("v1", "registries", registry), "@type": "dcat:DatasetSeries", "dct:title": english("Datasets on " + registry),
		"dct:description": english("The datasets that tell of the entities of registry " + registry + "; they can be joined by entity and period."),
	}
}

func measures(d catalog.Descriptor) []any {
	out := make([]any, len(d.Measures))
	for i, m := range d.Measures {
		out[i] = object{
			"@type": "schema:PropertyValue", "schema:name": m.Name, "schema:unitText": m.Unit,
			"schema:minValue": typed(decimal.Fixed(big.NewInt(m.Min), m.Decimals), "xsd:decimal"), "schema:maxValue": typed(decimal.Fixed(big.NewInt(m.Max), m.Decimals), "xsd:decimal"),
		}
	}
	return out
}

// summary stands in for a description that the publisher left out.
func summary(d catalog.Descriptor) string {
	text := "Readings by " + d.Entity + " and " + string(d.Grain) + ":"
	for _, m := range d.Measures {
		text += " " + m.Name + " (" + m.Unit + ")"
	}
	return text
}

// license adds a licence as the resource that DCAT wants where its address is
// known, or else as a statement of rights.
func license(o object, name string) {
	known := map[string]string{
		"CC0": "https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
		"CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/", "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
		"ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
	}
	if iri, ok := known[name]; ok {
		o["dct:license"] = ref(iri)
	} else if name != "" {
		o["dct:rights"] = object{"@type": "dct:RightsStatement", "rdfs:label": name}
	}
}
