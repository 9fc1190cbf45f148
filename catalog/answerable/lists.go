package answerable

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog/disclosure"
)

// List is what random private lists of so many entities could be answered: Figures are
// the measures and periods of every group, each asked for by itself.
type List struct {
	Entities int      `json:"entities"`
	By       []string `json:"by,omitempty"` // none: one total
	Figures  int      `json:"figures"`
	Passing  int      `json:"passing"` // that pass for each of the lists tried
	// AsOf is the newest version as of which all pass together for the first of the
	// lists tried; 0: none.
	AsOf int `json:"as_of"`
	// Withdrawn is a version that was withdrawn and that figures need; then none passes.
	Withdrawn int `json:"withdrawn,omitempty"`
}

// listSizes are how long the lists are that are tried, listSamples how many of each.
var listSizes = []int{100, 1_000, 10_000}

const listSamples = 3

// lists tries random lists as a total and by the first level of the tree.
func (r *reporting) lists() error {
	if r.version() == nil || len(r.periods) == 0 {
		return nil
	}
	groupings := [][]int{nil}
	if order := r.tree.Levels(); len(order) > 0 {
		groupings = append(groupings, order[:1])
	}
	for _, grouping := range groupings {
		tests, withdrawn, err := r.tests(grouping)
		if err != nil {
			return err
		}
		whole := &wholeTests{r: r, grouping: grouping, tests: map[int]*disclosure.Test{}}
		for _, n := range listSizes {
			if n >= r.tree.Entities() {
				break // a list of everybody hides nobody
			}
			list, err := r.list(n, grouping, tests, whole)
			if err != nil {
				return err
			}
			if list.Withdrawn = withdrawn; withdrawn > 0 {
				list.Passing = 0
			}
			r.out.Lists = append(r.out.Lists, list)
		}
	}
	return nil
}

// query asks for some periods by some attributes.
func (r *reporting) query(grouping []int, periods []int64) disclosure.PortfolioQuery {
	q := disclosure.PortfolioQuery{Periods: periods, AsOf: r.AsOf, Live: r.Live}
	for _, m := range r.Descriptor.Measures {
		q.Columns = append(q.Columns, disclosure.Column{Measure: m.Name})
	}
	q.Groups, _ = r.tree.BirthGroups(grouping)
	return q
}

// tests are those of each period by itself. A version that was withdrawn and is needed
// is named, and its period left out.
func (r *reporting) tests(grouping []int) (tests []*disclosure.Test, withdrawn int, err error) {
	for _, p := range r.periods {
		t, err := r.Family.Test(r.Descriptor.Dataset, r.query(grouping, []int64{p}), r.Cells)
		var gone *disclosure.WithdrawnError
		switch {
		case errors.As(err, &gone):
			withdrawn = gone.Version
		case err != nil:
			return nil, 0, fmt.Errorf("test of %s: %w", r.period(p), err)
		default:
			tests = append(tests, t)
		}
	}
	return tests, withdrawn, nil
}

// list tries lists of n entities.
func (r *reporting) list(n int, grouping []int, tests []*disclosure.Test, whole *wholeTests) (List, error) {
	out := List{Entities: n}
	for _, a := range grouping {
		out.By = append(out.By, r.Attributes[a].Name)
	}
	var samples [listSamples][]int8
	for i := range samples {
		samples[i] = sample(i, n, r.tree.Entities())
	}
	for _, t := range tests {
		failed := make([]bool, len(t.Figures))
		for _, pieceOf := range samples {
			for _, f := range t.Passes(1, pieceOf) {
				failed[f.Figure] = true
			}
		}
		out.Figures += len(failed)
		for _, f := range failed {
			if !f {
				out.Passing++
			}
		}
	}
	var err error
	out.AsOf, err = whole.newest(samples[0])
	return out, err
}

// wholeTests are the tests of all periods in one query, as of each version. Lists share
// them: making one takes longer than passing it.
type wholeTests struct {
	r        *reporting
	grouping []int
	tests    map[int]*disclosure.Test // by version, nil where there is none to pass; looked up only
}

// newest is the newest version as of which everything passes, 0 for none: what
// Family.NewestPassing finds.
func (w *wholeTests) newest(pieceOf []int8) (int, error) {
	versions := w.r.Family.Versions(w.r.Descriptor.Dataset)
	for i := len(versions) - 1; i >= 0; i-- {
		version := versions[i].Version
		if version > w.r.AsOf || w.r.Live != nil && !w.r.Live(version) {
			continue
		}
		t, err := w.test(version)
		if err != nil {
			return 0, err
		}
		if t != nil && len(t.Passes(1, pieceOf)) == 0 {
			return version, nil
		}
	}
	return 0, nil
}

// test makes the test as of a version, once. There is none where a version that it needs
// was withdrawn, it is of no figure, or it is too large.
func (w *wholeTests) test(version int) (*disclosure.Test, error) {
	if t, made := w.tests[version]; made {
		return t, nil
	}
	q := w.r.query(w.grouping, w.r.periods)
	q.AsOf = version
	t, err := w.r.Family.Test(w.r.Descriptor.Dataset, q, w.r.Cells)
	var gone *disclosure.WithdrawnError
	switch {
	case errors.As(err, &gone):
		t = nil
	case err != nil:
		return nil, fmt.Errorf("test as of version %d: %w", version, err)
	case len(t.Figures) == 0 || t.Fits(1) != nil:
		t = nil
	}
	w.tests[version] = t
	return t, nil
}

// sample is list number i of n of so many entities: those whose hashes are lowest. It
// is the same on every machine, and nobody chose it.
func sample(i, n, entities int) []int8 {
	type drawn struct {
		hash   [sha256.Size]byte
		entity int
	}
	all := make([]drawn, entities)
	for e := range all {
		b := binary.AppendUvarint([]byte("weir list 1\x00"), uint64(i)) //nolint:gosec // small
		b = binary.AppendUvarint(b, uint64(e))                          //nolint:gosec // an index
		all[e] = drawn{sha256.Sum256(b), e}
	}
	slices.SortFunc(all, func(a, b drawn) int {
		return cmp.Or(bytes.Compare(a.hash[:], b.hash[:]), cmp.Compare(a.entity, b.entity))
	})
	pieceOf := slices.Repeat([]int8{-1}, entities)
	for _, d := range all[:n] {
		pieceOf[d.entity] = 0
	}
	return pieceOf
}
