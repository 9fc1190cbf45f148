package bureau

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/desk/route"
)

// maxWork is longer than a large publication takes.
const maxWork = 12 * time.Hour

// KindData is of problems with what is going to be published: 422.
const KindData = "data"

// WorkKind is what is under way of a draft.
type WorkKind string

// Kinds of work.
const (
	WorkCheck   WorkKind = "check"
	WorkPublish WorkKind = "publish"
)

// WorkState is how far it is.
type WorkState string

// States of work.
const (
	WorkRunning WorkState = "running"
	WorkDone    WorkState = "done"
	WorkFailed  WorkState = "failed"
)

// Work is what is, or was last, under way of a draft.
type Work struct {
	Kind       WorkKind      `json:"kind"`
	State      WorkState     `json:"state"`
	Stage      publish.Stage `json:"stage,omitempty"`
	Rows       int           `json:"rows,omitempty"`
	RowsTotal  int           `json:"rows_total,omitempty"`
	Tiles      int           `json:"tiles,omitempty"`
	TilesTotal int           `json:"tiles_total,omitempty"`
	Waiting    string        `json:"waiting,omitempty"`
	Nodes      []NodeStored  `json:"nodes,omitempty"` // while they store it
	Fraction   float64       `json:"fraction,omitempty"`
	Problem    *wire.Problem `json:"problem,omitempty"`
}

// NodeStored is how much of a version a node holds; −1: it does not answer.
type NodeStored struct {
	ID    string `json:"id"`
	Tiles int    `json:"tiles"`
	Of    int    `json:"of"`
}

// start begins work on a draft.
func (s *drafts) start(id string, kind WorkKind) (Draft, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.find(id)
	if err != nil {
		return Draft{}, err
	}
	switch {
	case s.closed:
		return Draft{}, route.Ending("start it again")
	case d.busy():
		return d.Draft, nil // whoever asks twice joins it
	case d.source == nil && len(d.Wrong) > 0:
		return Draft{}, route.BadField("descriptor", "the descriptor has faults", "mend what stands beside it first")
	case d.source == nil:
		return Draft{}, route.BadField("descriptor", "nobody said what the columns are", "fill in the form, or drop a descriptor")
	case kind == WorkPublish && (d.Checked == nil || d.Stale):
		return Draft{}, route.BadField("check", "something was changed since it was checked", "check it again, and look at what would be published")
	case kind == WorkPublish && d.Published != nil:
		return Draft{}, route.BadField("check", "it is published already", "begin another publication")
	}
	if err := d.whole(); err != nil {
		return Draft{}, err
	}
	d.Work, d.Faults = &Work{Kind: kind, State: WorkRunning}, nil
	if kind == WorkCheck {
		d.Checked, d.Notes, d.Stale = nil, nil, false
	}
	s.tell(d)
	s.wg.Go(func() { s.run(d, kind) })
	return d.Draft, nil
}

// run does the work of a draft, which nobody changes meanwhile.
func (s *drafts) run(d *draft, kind WorkKind) {
	ctx, cancel := context.WithTimeout(s.ctx, maxWork)
	defer cancel()
	var err error
	if kind == WorkCheck {
		err = s.check(ctx, d)
	} else {
		err = s.publish(ctx, d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	work := &Work{Kind: kind, State: WorkDone}
	if err != nil || d.Faults != nil {
		work.State, work.Problem = WorkFailed, problemOf(err)
	}
	d.Work = work
	s.tell(d)
}

// problemOf is what work failed with; nil where the faults say it.
func problemOf(err error) *wire.Problem {
	if err == nil {
		return nil
	}
	p := route.ProblemOf(err)
	if p.Kind == wire.KindInternal {
		p = wire.NewProblem(http.StatusUnprocessableEntity, KindData, p.Message).Advising("mend the files, the columns or the policy by what it says, and check again")
	}
	if _, nothing := errors.AsType[*publish.NothingNewError](err); nothing {
		p = p.Advising("drop files with periods or readings that are new")
	}
	if errors.Is(err, publish.ErrRejected) {
		p = p.Advising("nothing is listed; tell the operators of the nodes, and publish again")
	}
	return p
}

// update changes how far work is.
func (s *drafts) update(d *draft, do func(*Work)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *d.Work
	do(&next)
	d.Work = &next
	s.tell(d)
}

// told tells of the steps of a publication.
func (s *drafts) told(d *draft) func(publish.Progress) {
	return func(now publish.Progress) {
		s.update(d, func(w *Work) {
			w.Stage, w.Rows, w.RowsTotal, w.Tiles, w.TilesTotal, w.Waiting, w.Fraction = now.Stage, now.Rows, now.RowsTotal, now.Tiles, now.TilesTotal, now.Waiting, 0
			switch {
			case now.Stage == publish.StageUploading && now.TilesTotal > 0:
				w.Fraction = float64(now.Tiles) / float64(now.TilesTotal)
			case now.Stage == publish.StageReading && now.BytesTotal > 0:
				w.Fraction = float64(now.Bytes) / float64(now.BytesTotal)
			}
		})
	}
}

// prepare reads the files of a draft.
func (s *drafts) prepare(ctx context.Context, d *draft) (*publish.Prepared, error) {
	files, err := d.opened(d.source.TableOptions())
	if err != nil {
		return nil, err
	}
	var p *publish.Prepared
	if d.Append {
		p, err = publish.PrepareAppend(ctx, s.client, d.source, files, s.told(d))
	} else {
		p, err = publish.Prepare(ctx, d.source, files, s.client, s.told(d))
	}
	if err != nil {
		return nil, err
	}
	if err := p.CloseTo(d.Closed); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// check does all of a publication but publishing.
func (s *drafts) check(ctx context.Context, d *draft) (err error) {
	p, err := s.prepare(ctx, d)
	if wrong, ok := errors.AsType[*panel.Errors](err); ok {
		return s.faulty(ctx, d, wrong)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	dominance, err := publish.Dominance(ctx, s.client, p, panel.DefaultPercent)
	if err != nil {
		return err
	}
	var notes []string
	checked, err := publish.Examine(ctx, s.client, p, dominance, func(what string) { notes = append(notes, what) })
	if err != nil {
		return err
	}
	onto, err := s.standingOf(ctx, checked.Dataset)
	if _, away := errors.AsType[*client.UnreachableError](err); err != nil && !away { // then it was compared with nothing
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.Checked, d.Notes, d.Stale, d.examined, d.onto, d.begun = &checked, notes, false, d.described, onto, false
	return nil
}

// faulty finds the rows of what is wrong with the files.
func (s *drafts) faulty(ctx context.Context, d *draft, wrong *panel.Errors) error {
	files, err := d.opened(d.source.TableOptions())
	if err != nil {
		return err
	}
	faults, err := faultsOf(ctx, files, d.source.TableOptions(), wrong)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.Faults = faults
	return nil
}

// listed is how a dataset is listed: its live version, and how often it was amended.
type listed struct{ live, amended int }

// standingOf is how a dataset is listed now; zero: not at all.
func (s *drafts) standingOf(ctx context.Context, dataset string) (*listed, error) {
	of, err := s.client.Dataset(ctx, dataset)
	switch {
	case client.IsNotFound(err):
		return &listed{}, nil
	case err != nil:
		return nil, err
	}
	return &listed{of.Live, of.Amended}, nil
}

// unchanged refuses to publish where the dataset is other than it was checked against. A publication that was begun may have
// changed it itself.
func (s *drafts) unchanged(ctx context.Context, d *draft) error {
	if d.onto == nil || d.begun {
		return nil
	}
	now, err := s.standingOf(ctx, d.Checked.Dataset)
	if err != nil {
		return err
	}
	if *now != *d.onto {
		return route.BadField("check", "another version was published, or the dataset amended, since it was checked", "check it again, and look at what would be published")
	}
	d.begun = true
	return nil
}

// publish publishes what was checked.
func (s *drafts) publish(ctx context.Context, d *draft) (err error) {
	if err := s.unchanged(ctx, d); err != nil {
		return err
	}
	p, err := s.prepare(ctx, d)
	if nothing, ok := errors.AsType[*publish.NothingNewError](err); ok && nothing.Interrupted {
		done, err := publish.EndInterrupted(ctx, s.client, nothing.Dataset)
		return s.published(d, done, err)
	}
	if wrong, ok := errors.AsType[*panel.Errors](err); ok {
		return s.faulty(ctx, d, wrong)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	p.Holding = func(h publish.Holding) {
		nodes := make([]NodeStored, len(h.Nodes))
		for i, n := range h.Nodes {
			nodes[i] = NodeStored{ID: n.ID, Tiles: n.Tiles, Of: h.Tiles}
		}
		s.update(d, func(w *Work) { w.Nodes = nodes })
	}
	done, err := publish.Publish(ctx, s.client, p, s.told(d))
	return s.published(d, done, err)
}

// published notes what was published, and removes the files, which nothing needs any more.
func (s *drafts) published(d *draft, done publish.Published, err error) error {
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.Published = &done
	for _, f := range d.files {
		err = errors.Join(err, s.remove(f))
	}
	d.files = nil
	return err
}

// propose looks at the first rows of what was dropped, for what the columns may be.
func (s *drafts) propose(ctx context.Context, id string) (Draft, error) {
	s.mu.Lock()
	d, err := s.find(id)
	if err != nil || d.source != nil || d.Descriptor != "" || d.Dataset != "" {
		defer s.mu.Unlock()
		if err != nil {
			return Draft{}, err
		}
		return d.Draft, nil
	}
	files, err := d.opened(table.Options{})
	s.mu.Unlock()
	if err != nil {
		return Draft{}, err
	}
	var form *Form
	if len(files) > 0 {
		if form, err = proposalOf(ctx, files[0]); err != nil {
			return Draft{}, err
		}
	}
	if form != nil {
		registries, err := s.registries(ctx)
		if err != nil {
			return Draft{}, err
		}
		form.Registries = registries
	}
	return s.change(id, func(d *draft) error {
		d.Form = form
		return nil
	})
}

// registries are those of the desk's key that entities can be of.
func (s *drafts) registries(ctx context.Context) ([]string, error) {
	me, err := s.client.Principal()
	if err != nil {
		return nil, err
	}
	all, err := client.Registries.All(ctx, s.client)
	if err != nil {
		return nil, fmt.Errorf("read the registries: %w", err)
	}
	var out []string
	for _, r := range all {
		if r.Owner == me {
			out = append(out, r.ID)
		}
	}
	slices.Sort(out)
	return out, nil
}
