package dcat

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
)

// MaxFeed is how many changes a feed tells of, the newest first.
const MaxFeed = 500

// feed is a JSON Feed 1.1 (jsonfeed.org).
type feed struct {
	Version     string `json:"version"`
	Title       string `json:"title"`
	HomePageURL string `json:"home_page_url"`
	FeedURL     string `json:"feed_url"`
	Items       []item `json:"items"`
}

type item struct {
	ID            string   `json:"id"`
	URL           string   `json:"url"`
	Title         string   `json:"title"`
	ContentText   string   `json:"content_text"`
	DatePublished string   `json:"date_published"`
	Tags          []string `json:"tags"`
	at            int64
}

// Feed tells of datasets that were listed and of versions that became live.
func Feed(cluster catalog.Cluster, listings []Listing) ([]byte, error) {
	b := builder{base: base(cluster)}
	f := feed{
		Version: "https://jsonfeed.org/version/1.1", Title: "Changes of Weir " + cluster.Name,
		HomePageURL: b.at("v1", "catalog"), FeedURL: b.at("v1", "feed"), Items: []item{},
	}
	for _, l := range listings {
		d := l.Dataset
		f.Items = append(f.Items, newItem(b.iri(d.ID), d.Created, "Dataset "+d.ID+" was listed",
			strings.TrimSpace(d.Descriptor.Title.EN+" "+d.Descriptor.Title.ZH), d.ID, "dataset"))
		for _, v := range l.Versions {
			if v.State != catalog.VersionLive {
				continue
			}
			g := d.Descriptor.Grain
			f.Items = append(f.Items, newItem(b.at("v1", "datasets", d.ID, "versions", fmt.Sprint(v.Version)), v.LiveAt,
				fmt.Sprintf("Version %d of dataset %s is live", v.Version, d.ID),
				fmt.Sprintf("%d entities, %d periods from %s to %s", v.Entities, v.Periods, g.Format(v.First), g.Format(v.First+int64(v.Periods)-1)),
				d.ID, "version"))
		}
	}
	slices.SortStableFunc(f.Items, func(a, b item) int { return cmp.Compare(b.at, a.at) })
	f.Items = f.Items[:min(len(f.Items), MaxFeed)]
	return json.Marshal(f)
}

func newItem(address string, at int64, title, text string, tags ...string) item {
	if text == "" {
		text = title
	}
	return item{
		ID: address, URL: address, Title: title, ContentText: text, Tags: tags, at: at,
		DatePublished: time.UnixMilli(at).UTC().Format(time.RFC3339),
	}
}
