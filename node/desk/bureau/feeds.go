package bureau

import (
	"context"
	"maps"
	"slices"

	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/client/feed"
	"github.com/weirdata/weir/node/desk/route"
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

// In is the list with its sentences in a language.
func (all Feeds) In(l explain.Language) Feeds {
	out := Feeds{Feeds: slices.Clone(all.Feeds)}
	for i := range out.Feeds {
		f := &out.Feeds[i]
		f.Fault, f.State = route.FeedIn(l, f.Fault), stateIn(l, f.State)
	}
	return out
}

// stateIn is what a feed tells of itself with its sentences in a language. Kinds of what was counted are words of the page.
func stateIn(l explain.Language, s *feed.State) *feed.State {
	if s == nil {
		return nil
	}
	out := *s
	out.Error, out.Stopped = happenedIn(l, s.Error), happenedIn(l, s.Stopped)
	out.Examples, out.Sources = maps.Clone(s.Examples), maps.Clone(s.Sources)
	for why, example := range out.Examples {
		out.Examples[why] = route.FeedIn(l, example)
	}
	for name, x := range out.Sources {
		if x != nil {
			source := *x
			source.Error = happenedIn(l, x.Error)
			out.Sources[name] = &source
		}
	}
	return &out
}

func happenedIn(l explain.Language, h *feed.Happened) *feed.Happened {
	if h == nil {
		return nil
	}
	return &feed.Happened{At: h.At, What: route.FeedIn(l, h.What)}
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
