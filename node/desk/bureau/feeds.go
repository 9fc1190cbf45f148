package bureau

import (
	"context"

	"github.com/weirdata/weir/node/client/feed"
)

// Feeds answers GET /api/feeds.
type Feeds struct {
	Feeds []Feed `json:"feeds"`
}

// Feed is a feed that runs, or ran, on this machine: what `weir feed status` tells of it.
type Feed struct {
	Config string      `json:"config"` // the file
	State  *feed.State `json:"state,omitempty"`
	// Fault is why it cannot be told.
	Fault string `json:"fault,omitempty"`
}

func (b *Bureau) listFeeds(context.Context, none) (Feeds, error) {
	out := Feeds{Feeds: []Feed{}}
	for _, file := range b.feeds {
		f := Feed{Config: file}
		if s, err := feed.StateOf(file); err != nil {
			f.Fault = err.Error()
		} else {
			f.State = &s
		}
		out.Feeds = append(out.Feeds, f)
	}
	return out, nil
}
