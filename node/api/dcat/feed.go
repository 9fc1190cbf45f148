package dcat

import (
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
		d, v := c.Dataset, c.Version
		if c.What != "" {
			f.Items = append(f.Items, b.afterwards(c))
			continue
		}
		if v.Version == 0 {
			f.Items = append(f.Items, newItem(b.iri(d.ID), d.Created, "Dataset "+d.ID+" was listed",
				strings.TrimSpace(d.Descriptor.Title.EN+" "+d.Descriptor.Title.ZH), d.ID, "dataset"))
			continue
		}
		g := d.Descriptor.Grain
		f.Items = append(f.Items, newItem(b.at("v1", "datasets", d.ID, "versions", fmt.Sprint(v.Version)), v.LiveAt,
			fmt.Sprintf("Version %d of dataset %s is live", v.Version, d.ID),
			fmt.Sprintf("%d entities, %d periods from %s to %s", v.Entities, v.Periods, g.Format(v.First), g.Format(v.First+int64(v.Periods)-1)),
			d.ID, "version"))
	}
	return json.Marshal(f)
}

// afterwards is an amendment or a withdrawal.
func (b builder) afterwards(c Change) item {
	address, what, tag := b.iri(c.Dataset.ID), "Dataset "+c.Dataset.ID, "dataset"
	withdrawn := c.Dataset.Withdrawn
	if n := c.Version.Version; n > 0 {
		address, what, tag = b.at("v1", "datasets", c.Dataset.ID, "versions", fmt.Sprint(n)), fmt.Sprintf("Version %d of dataset %s", n, c.Dataset.ID), "version"
		withdrawn = c.Version.Withdrawn
	}
	text := ""
	if withdrawn != nil && withdrawn.At == c.At {
		text = withdrawn.Reason
	}
	out := newItem(address, c.At, what+" was "+c.What, text, c.Dataset.ID, tag)
	out.ID += "#" + c.What + "-" + fmt.Sprint(c.At) // an item's id is its own
	return out
}

func newItem(address string, at int64, title, text string, tags ...string) item {
	if text == "" {
		text = title
	}
	return item{
		ID: address, URL: address, Title: title, ContentText: text, Tags: tags,
		DatePublished: time.UnixMilli(at).UTC().Format(time.RFC3339),
	}
}
