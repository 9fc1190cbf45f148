package ask

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// Progress is how far a query is, as the members of its attempt under way tell.
type Progress struct {
	// Query is the newest record that was seen. An attempt of it that failed was begun
	// anew.
	Query catalog.Query
	// Progress is that of the member that is behind. Within an attempt no count of it ever
	// goes back. Attempt is 0 while none is under way.
	wire.Progress
	// Known is false where no member says how far it is: nodes of an older version.
	Known bool
	// TileBytes is the size of a tile; 0: not known.
	TileBytes int
}

const (
	// progressEvery is the pause between two looks. Nodes tell coarse steps, and a person
	// reads no faster.
	progressEvery = 400 * time.Millisecond
	// lookTimeout bounds a look: it is for show, and there is another one.
	lookTimeout = 2 * time.Second
)

// told is what one node told of a query.
type told struct {
	node     string
	query    catalog.Query
	progress *wire.Progress
}

// watch looks how far a query is and tells it, until end is called, which waits for that.
func watch(ctx context.Context, c *client.Client, asked askedQuery, every time.Duration, tell func(Progress)) (end func()) {
	if tell == nil {
		return func() {}
	}
	every = cmp.Or(max(every, 0), progressEvery)
	var t *tracker
	return client.Poll(ctx, every, func(ctx context.Context) {
		if t == nil {
			t = &tracker{tileBytes: tileBytes(ctx, c)}
		}
		members := t.members()
		h, ok := t.take(look(ctx, c, asked, members))
		for !slices.Equal(members, t.members()) && ctx.Err() == nil { // an attempt is named: they are asked at once
			members = t.members()
			h, ok = t.take(look(ctx, c, asked, members))
		}
		if ok && ctx.Err() == nil {
			tell(h)
		}
	})
}

// tileBytes is the size of a tile of this cluster; 0: it cannot be told now, and nothing
// depends on it.
func tileBytes(ctx context.Context, c *client.Client) int {
	cluster, err := c.Cluster(ctx)
	if err != nil {
		return 0
	}
	p, err := c.Parameters(ctx, cluster)
	if err != nil {
		return 0
	}
	return client.TileBytes(p, cluster)
}

// look asks the members, and the node that answered last, which knows who they are. Those
// that do not answer are left out.
func look(ctx context.Context, c *client.Client, asked askedQuery, members []string) []told {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var list []told
	for i, node := range c.Nodes() {
		if i > 0 && !slices.Contains(members, node.ID) {
			continue
		}
		wg.Go(func() {
			body, err := c.Ask(ctx, node, client.Call{Path: "/v1/queries/" + url.PathEscape(asked.id), Token: true})
			if err != nil {
				return // it is for show; whoever waits for the answer hears of it
			}
			if t, ok := readTold(node.ID, body); ok && t.query.Envelope == asked.envelope {
				mu.Lock()
				defer mu.Unlock()
				list = append(list, t)
			}
		})
	}
	wg.Wait()
	return list
}

// readTold reads what a node answered. A progress that is not understood is none.
func readTold(node string, body []byte) (told, bool) {
	var answer struct {
		catalog.Query
		Progress json.RawMessage `json:"progress"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return told{}, false
	}
	p, err := wire.ParseProgress(answer.Progress)
	if err != nil {
		p = nil
	}
	return told{node, answer.Query, p}, true
}

// tracker puts together what the nodes tell.
type tracker struct {
	tileBytes int
	query     catalog.Query
	of        map[string]wire.Progress // by member, of the attempt under way
	last      wire.Progress            // that was told
}

func (t *tracker) underWay() (catalog.Attempt, bool) {
	a := t.query.Attempts
	if len(a) == 0 || !a[len(a)-1].Failed.IsZero() {
		return catalog.Attempt{}, false
	}
	return a[len(a)-1], true
}

// members are those of the attempt under way.
func (t *tracker) members() []string {
	a, _ := t.underWay()
	return a.Active
}

// take takes what the nodes told at one look; false: nothing is known.
func (t *tracker) take(list []told) (Progress, bool) {
	for _, x := range list {
		if newer(x.query, t.query) {
			t.query = x.query
		}
	}
	if t.query.ID == "" {
		return Progress{}, false
	}
	h := Progress{Query: t.query, TileBytes: t.tileBytes}
	a, under := t.underWay()
	if t.of == nil || a.Number != t.last.Attempt {
		t.of, t.last = map[string]wire.Progress{}, wire.Progress{Attempt: a.Number, Stage: wire.StageWaiting}
	}
	if !under {
		h.Progress, h.Known = t.last, true
		return h, true
	}
	for _, x := range list {
		if x.progress != nil && x.progress.Attempt == a.Number && slices.Contains(a.Active, x.node) {
			t.of[x.node] = *x.progress
		}
	}
	t.last, h.Known = t.behind(a)
	h.Progress = t.last
	return h, true
}

// behind is the progress of the member that is behind, with no count below what was told
// before; false: no member says anything.
func (t *tracker) behind(a catalog.Attempt) (wire.Progress, bool) {
	p, known, done := t.last, false, 0
	for _, id := range a.Active {
		if slices.Contains(t.query.Shares, id) || slices.Contains(t.query.Failing, id) {
			done++
			continue
		}
		if now, ok := t.of[id]; ok && (!known || now.Fraction() < p.Fraction()) {
			p, known = now, true
		}
	}
	if done == len(a.Active) || done > 0 && !known {
		p, known = t.last, true
		p.Stage = wire.StageAnswer
	}
	p.Tiles, p.TilesTotal = max(p.Tiles, t.last.Tiles), max(p.TilesTotal, t.last.TilesTotal)
	p.Openings, p.OpeningsTotal = max(p.Openings, t.last.Openings), max(p.OpeningsTotal, t.last.OpeningsTotal)
	p.Products, p.ProductsTotal = max(p.Products, t.last.Products), max(p.ProductsTotal, t.last.ProductsTotal)
	return p, known
}

// newer reports whether record a of a query was written after record b.
func newer(a, b catalog.Query) bool {
	age := func(q catalog.Query) []int {
		over, failed := 0, 0
		if q.State == catalog.QueryDone || q.State == catalog.QueryFailed {
			over = 1
		}
		if n := len(q.Attempts); n > 0 && !q.Attempts[n-1].Failed.IsZero() {
			failed = 1
		}
		return []int{over, len(q.Attempts), failed, len(q.Shares) + len(q.Failing)}
	}
	return b.ID == "" || slices.Compare(age(a), age(b)) > 0
}
