package dcat

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
)

// Change is a dataset that was listed, or a version of it that became live: Version is
// the zero value for the former.
type Change struct {
	Dataset catalog.Dataset
	Version catalog.Version
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

func newItem(address string, at int64, title, text string, tags ...string) item {
	if text == "" {
		text = title
	}
	return item{
		ID: address, URL: address, Title: title, ContentText: text, Tags: tags,
		DatePublished: time.UnixMilli(at).UTC().Format(time.RFC3339),
	}
}
