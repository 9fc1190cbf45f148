package bureau

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/desk/route"
)

// maxDrafts is how many publications are prepared at once.
const maxDrafts = 8

// Draft is what a person is about to publish.
type Draft struct {
	ID    string `json:"id"`
	Seen  int    `json:"seen"` // grows whenever something changes
	Begun int64  `json:"begun"`
	// Dataset is one's own that the files are of, read as this machine read it last; empty: the descriptor says what they are.
	Dataset string        `json:"dataset,omitempty"`
	Append  bool          `json:"append,omitempty"` // the files have what is beside the live version
	Closed  string        `json:"closed_to,omitempty"`
	Files   []DroppedFile `json:"files"`
	Mends   []Mend        `json:"mends"`
	// Descriptor is the text; of Dataset it is empty where the files are read as before.
	Descriptor string             `json:"descriptor,omitempty"`
	Wrong      []DescriptorFault  `json:"descriptor_faults"`
	Form       *Form              `json:"form,omitempty"` // a proposal, while there is no descriptor
	Policy     *catalog.Policy    `json:"policy,omitempty"`
	Price      *catalog.Price     `json:"price,omitempty"`
	Fields     []PolicyField      `json:"fields,omitempty"`
	Words      []string           `json:"words,omitempty"` // the policy in sentences
	Measures   []string           `json:"measures,omitempty"`
	Work       *Work              `json:"work,omitempty"`
	Faults     *Faults            `json:"faults,omitempty"`
	Checked    *publish.Checked   `json:"checked,omitempty"`
	Notes      []string           `json:"notes,omitempty"` // what could not be compared
	Stale      bool               `json:"stale,omitempty"` // something was changed since it was checked
	Published  *publish.Published `json:"published,omitempty"`

	described *catalog.Descriptor // a copy of what Words say the policy of
	examined  *catalog.Descriptor // and of what was checked
}

// DescriptorFault is one fault of a descriptor.
type DescriptorFault struct {
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	Want    string `json:"want,omitempty"`
}

// draft is a Draft with what no page is told.
type draft struct {
	Draft
	files   []*dropped
	source  *panel.Source
	columns []string // of the registry that the policy goes by
	onto    *listed  // how the dataset was listed when it was checked; nil: not known
	begun   bool     // publishing what was checked has begun
}

// drafts are those of a desk since it was started.
type drafts struct {
	client *client.Client
	ctx    context.Context //nolint:containedctx // that of the process: work outlives the request that began it
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	closed  bool          // guarded by mu
	dir     string        // guarded by mu; of the files, made with the first of them
	stored  int64         // guarded by mu; bytes of files
	list    []*draft      // guarded by mu; the oldest first
	changed chan struct{} // guarded by mu; closed and replaced when a draft changes
}

func newDrafts(c *client.Client) *drafts {
	ctx, cancel := context.WithCancel(context.Background())
	return &drafts{client: c, ctx: ctx, cancel: cancel, changed: make(chan struct{})}
}

// close ends what is under way, and removes the files.
func (s *drafts) close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		return nil
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("remove the files that were dropped: %w", err)
	}
	s.dir, s.list = "", nil
	return nil
}

// tell wakes who waits for news of a draft. The caller holds mu.
func (s *drafts) tell(d *draft) {
	d.Seen++
	close(s.changed)
	s.changed = make(chan struct{})
}

// noDraft says that there is none of that id.
func noDraft() error {
	return route.NotFound("this desk knows no such publication", "it ended with the desk that it was begun in; begin it again, what was sent is not sent twice")
}

// find returns a draft. The caller holds mu.
func (s *drafts) find(id string) (*draft, error) {
	at := slices.IndexFunc(s.list, func(d *draft) bool { return d.ID == id })
	if at < 0 {
		return nil, noDraft()
	}
	return s.list[at], nil
}

// idle returns a draft that nothing is under way of. The caller holds mu.
func (s *drafts) idle(id string) (*draft, error) {
	d, err := s.find(id)
	if err == nil && d.busy() {
		err = wire.NewProblem(http.StatusConflict, wire.KindBusy, "the files are being read or sent").Advising("wait until that has ended")
	}
	return d, err
}

// change changes a draft that nothing is under way of, and forgets what was found out of it.
func (s *drafts) change(id string, do func(*draft) error) (Draft, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.idle(id)
	if err != nil {
		return Draft{}, err
	}
	if err := do(d); err != nil {
		return Draft{}, err
	}
	d.Stale = d.Checked != nil
	s.tell(d)
	return d.Draft, nil
}

func (d *draft) busy() bool { return d.Work != nil && d.Work.State == WorkRunning }

// begin makes a draft.
func (s *drafts) begin(now time.Time) (Draft, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Draft{}, route.Ending("start it again")
	}
	if at := slices.IndexFunc(s.list, func(d *draft) bool { return d.Published != nil && !d.busy() }); at >= 0 && len(s.list) == maxDrafts {
		s.list = slices.Delete(s.list, at, at+1) // its files are gone already
	}
	if len(s.list) == maxDrafts {
		return Draft{}, wire.NewProblem(http.StatusTooManyRequests, wire.KindBusy, "eight publications are being prepared").Advising("give up one of them")
	}
	d := &draft{Draft: Draft{ID: rand.Text(), Seen: 1, Begun: now.UnixMilli(), Files: []DroppedFile{}, Mends: []Mend{}, Wrong: []DescriptorFault{}}}
	s.list = append(s.list, d)
	return d.Draft, nil
}

// drop gives a draft up, and removes its files.
func (s *drafts) drop(id string) (Draft, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.idle(id)
	if err != nil {
		return Draft{}, err
	}
	for _, f := range d.files {
		if err := s.remove(f); err != nil {
			return Draft{}, err
		}
	}
	s.list = slices.DeleteFunc(s.list, func(x *draft) bool { return x == d })
	return d.Draft, nil
}

// await returns a draft when it is further than seen, nothing is under way, or time is over.
func (s *drafts) await(ctx context.Context, id string, seen int) (Draft, error) {
	return route.Hold(ctx, s.ctx, func() (route.Seen[Draft], error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		d, err := s.find(id)
		if err != nil {
			return route.Seen[Draft]{}, err
		}
		return route.Seen[Draft]{Now: d.Draft, Enough: d.Seen > seen || !d.busy(), Changed: s.changed}, nil
	})
}

// all are the drafts, the newest first.
func (s *drafts) all() []DraftLine {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []DraftLine{}
	for _, d := range slices.Backward(s.list) {
		line := DraftLine{ID: d.ID, Begun: d.Begun, Files: d.Files, Dataset: d.Dataset}
		if d.source != nil {
			line.Dataset = d.source.Descriptor.Dataset
		}
		if d.Work != nil {
			line.Kind, line.State = d.Work.Kind, d.Work.State
		}
		if d.Published != nil {
			line.Version = d.Published.Version
		}
		out = append(out, line)
	}
	return out
}

// DraftLine is a draft in a list.
type DraftLine struct {
	ID      string        `json:"id"`
	Begun   int64         `json:"begun"`
	Dataset string        `json:"dataset,omitempty"`
	Files   []DroppedFile `json:"files"`
	Kind    WorkKind      `json:"kind,omitempty"`
	State   WorkState     `json:"state,omitempty"`
	Version int           `json:"version,omitempty"` // that was published
}
