package versions

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/failure"
)

// checkEqual holds what a version says of classes that equal an earlier one against the
// presences of both, cell by cell (RELEASE.md section 2.4): the ledger has presence by the
// policy's periods only. That the readings are equal is the publisher's word.
func (s *Store) checkEqual(ctx context.Context, w Version) error {
	if w.Record.News.IsZero() {
		return nil
	}
	var declared []catalog.SourceNews
	var tree *disclosure.Tree
	err := s.Ledger.View(func(v state.View) (err error) {
		if declared, err = v.Versions().News(w.Record.Dataset, w.Record.Version); err != nil {
			return err
		}
		family, err := v.ReleaseFamily(w.Record.Dataset)
		if err == nil {
			tree, err = family.Classes()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read what version %d of %s declares: %w", w.Record.Version, w.Record.Dataset, err)
	}
	c := equalCheck{store: s, version: w, tree: tree, earlier: map[int]*Version{}}
	for _, news := range declared {
		if err := c.source(ctx, news); err != nil {
			return err
		}
	}
	return nil
}

// equalCheck is checkEqual under way.
type equalCheck struct {
	store   *Store
	version Version // with its presence
	tree    *disclosure.Tree
	earlier map[int]*Version // that classes are said to equal, likewise; nil: it never went live
}

// source checks what is declared of one source.
func (c *equalCheck) source(ctx context.Context, s catalog.SourceNews) error {
	d := c.version.Dataset.Descriptor
	columns := disclosure.Columns(d)
	if s.Column >= len(columns) {
		return failure.Refuse("node.news_column", s.Column, s.Period)
	}
	measures := []string{columns[s.Column].Measure}
	if with := columns[s.Column].With; with != "" && with != measures[0] {
		measures = append(measures, with)
	}
	side := func(w *Version, measure int) tiles.Side {
		return tiles.Side{Presence: w.Presence, Measure: measure, First: w.Record.First}
	}
	span := d.Policy.Grain.Span(s.Period, d.Grain)
	for _, q := range s.Equal {
		older, err := c.load(ctx, q.Version)
		if err != nil {
			return err
		}
		if older == nil {
			return failure.Refuse("node.equal_unknown", q.Classes[0], q.Version, s.Column, s.Period)
		}
		for _, class := range q.Classes {
			if int(class) >= c.tree.Classes() {
				return failure.Refuse("node.equal_unknown", class, q.Version, s.Column, s.Period)
			}
			for _, name := range measures {
				own, old := slices.Index(d.MeasureNames(), name), slices.Index(older.Dataset.Descriptor.MeasureNames(), name)
				if old < 0 { // the descriptor got it later
					return failure.Refuse("node.equal_unknown", class, q.Version, s.Column, s.Period)
				}
				if e := tiles.Differing(side(&c.version, own), side(older, old), c.tree.Members(class), span.From, span.To); e >= 0 {
					return failure.Refuse("node.equal_presence", class, q.Version, s.Column, s.Period, e)
				}
			}
		}
	}
	return nil
}

// load loads the presence of an earlier version; nil: it never went live.
func (c *equalCheck) load(ctx context.Context, version int) (*Version, error) {
	if v, known := c.earlier[version]; known {
		return v, nil
	}
	w, err := c.store.Load(c.version.Record.Dataset, version)
	if err != nil {
		return nil, err
	}
	if w.Record.State != catalog.VersionLive {
		c.earlier[version] = nil
		return nil, nil //nolint:nilnil // it is none to equal
	}
	if err := c.store.FetchPresence(ctx, &w); err != nil {
		return nil, fmt.Errorf("load version %d of %s: %w", version, c.version.Record.Dataset, err)
	}
	c.earlier[version] = &w
	return &w, nil
}
