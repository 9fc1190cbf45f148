package dcat

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
)

// Change is a dataset that was listed, or a version of it that became live: Version is
// the zero value for the former. What is empty then; else the dataset was amended, or
// the dataset or version withdrawn, At that time.
type Change struct {
	Dataset catalog.Dataset
	Version catalog.Version
	What    string
	At      int64 // Unix milliseconds
}

// feed is a JSON Feed 1.1 (jsonfeed.org).
type feed struct {
	Version     string `json:"version"`
	Title       string `json:"title"`
	HomePageURL string `json:"home_page_url"`
	FeedURL     string `json:"feed_url"`
	NextURL     string `json:"next_url,omitempty"`
	Items       []item `json:"items"`
}

type item struct {
	ID            string   `json:"id"`
	URL           string   `json:"url"`
	Title         string   `json:"title"`
	ContentText   string   `json:"content_text"`
	DatePublished string   `json:"date_published"`
	Tags          []string `json:"tags"`
}

// Feed tells of changes, which are in order: the newest first.
func Feed(cluster catalog.Cluster, changes []Change, p Part) ([]byte, error) {
	b := builder{base: base(cluster)}
	f := feed{
		Version: "https://jsonfeed.org/version/1.1", Title: "Changes of Weir " + cluster.Name,
		HomePageURL: b.at("v1", "catalog"), FeedURL: b.at("v1", "feed"), NextURL: p.next(b.at("v1", "feed")), Items: []item{},
	}
	for _, c := range changes {
		f.Items = append(f.Items, b.item(c))
	}
	return json.Marshal(f)
}

func (b builder) item(c Change) item {
	d, v, g := c.Dataset, c.Version, c.Dataset.Descriptor.Grain
	address, what, tag, at, withdrawn := b.iri(d.ID), "Dataset "+d.ID, "dataset", d.Created, d.Withdrawn
	if v.Version > 0 {
		address, what, tag = b.release(d.ID, v.Version), fmt.Sprintf("Version %d of dataset %s", v.Version, d.ID), "version"
		at, withdrawn = v.LiveAt, v.Withdrawn
	}
	id, title, text := address, what+" was listed", strings.TrimSpace(d.Descriptor.Title.EN+" "+d.Descriptor.Title.ZH)
	switch {
	case c.What != "": // afterwards
		at, title, text = c.At, what+" was "+c.What, ""
		id += fmt.Sprintf("#%s-%d", c.What, c.At) // an item's id is its own
		if withdrawn != nil && withdrawn.At == c.At {
			text = withdrawn.Reason
		}
	case v.Version > 0:
		title = what + " is live"
		text = fmt.Sprintf("%d entities, %d periods from %s to %s", v.Entities, v.Periods, g.Format(v.First), g.Format(v.First+int64(v.Periods)-1))
	}
	return item{
		ID: id, URL: address, Title: title, ContentText: cmp.Or(text, title), Tags: []string{d.ID, tag},
		DatePublished: time.UnixMilli(at).UTC().Format(time.RFC3339),
	}
}
