package buyer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/desk/route"
)

// ListPreview is what a portfolio's file comes to, before anything of it is sent.
type ListPreview struct {
	Name     string `json:"name"`
	Registry string `json:"registry"`
	Of       int    `json:"of"` // entities that the registry has

	Header  []string    `json:"header"`
	Total   int         `json:"total"`  // rows of the file
	Rows    []ListRow   `json:"rows"`   // the first of them, and those in which something is wrong
	Faults  []ListFault `json:"faults"` // of the file as a whole
	Wrong   int         `json:"wrong"`  // rows that cannot be read
	Entries int         `json:"entries"`
	Unknown int         `json:"unknown"`

	Pieces  []Piece        `json:"pieces,omitempty"`
	Weights *ListedWeights `json:"weights,omitempty"`
	// Figures are what the query that it is meant for would be answered with; Refused why it would not be.
	Figures *ask.Preview  `json:"figures,omitempty"`
	Refused *wire.Problem `json:"refused,omitempty"`

	Version   int  `json:"version"`             // that a registration would make
	Known     int  `json:"known,omitempty"`     // that this very file is registered as; 0: none
	Elsewhere bool `json:"elsewhere,omitempty"` // the name is registered, of a file that this machine does not remember
	Told      Told `json:"told"`
	Ready     bool `json:"ready"` // it can be registered; with unknown ids: without them
}

// Piece is a piece of a list and how many entities are in it.
type Piece struct {
	Name     string `json:"name"` // empty: all, in one piece
	Entities int    `json:"entities"`
}

// ListedWeights are how far weights go.
type ListedWeights struct {
	Least    string `json:"least"`
	Most     string `json:"most"`
	Possible string `json:"possible"` // the largest that the bits allow, to which noise is scaled
	Zero     int    `json:"zero"`     // entities whose weight is 0
	Bound    string `json:"bound,omitempty"`
	Bounded  int    `json:"bounded,omitempty"` // entities of the registry whose caps leave them fewer bits
	Over     int    `json:"over,omitempty"`    // rows whose weight is above what the bound leaves them
	Needed   string `json:"needed,omitempty"`  // the least bound that would hold them
}

// Told is all that a registration tells everybody. What is not in it is told nobody: which entities there are, how many,
// their weights, what pieces are called, and the file.
type Told struct {
	Name     string   `json:"name"`
	Registry string   `json:"registry"`
	Entities int      `json:"entities"` // of the registry, each of which gets a share, whether listed or not
	Pieces   int      `json:"pieces,omitempty"`
	By       []string `json:"by,omitempty"`
	Bits     int      `json:"bits,omitempty"` // of weights
	Decimals int      `json:"decimals,omitempty"`
	Bound    string   `json:"bound,omitempty"`
}

// listed is a portfolio's file as the body of a request.
type listed struct{ Body ListFile }

func (s *portfolios) preview(ctx context.Context, in listed) (ListPreview, error) {
	o, err := in.Body.options()
	if err != nil {
		return ListPreview{}, err
	}
	p, err := portfolio.Try(ctx, s.client, s.dir, o)
	faults, unreadable := errors.AsType[*panel.Errors](err)
	if err != nil && !unreadable {
		return ListPreview{}, portfolioProblem(err)
	}
	out := ListPreview{
		Name: o.Name, Registry: o.Registry, Of: p.Registry.Rows, Faults: []ListFault{}, Entries: p.Entries, Unknown: len(p.Unknown),
		Figures: p.Test, Version: p.Version, Elsewhere: p.Elsewhere, Weights: weightsOf(p),
	}
	for _, piece := range p.Pieces {
		out.Pieces = append(out.Pieces, Piece{piece.Name, piece.Entities})
	}
	if p.Known != nil {
		out.Known = p.Known.Version
	}
	if p.Refused != nil {
		out.Refused = route.In(route.Language(ctx), route.ProblemOf(p.Refused))
	}
	if err := out.read(ctx, o, p, faults); err != nil {
		return ListPreview{}, portfolioProblem(err)
	}
	out.Told = toldOf(o, p)
	out.Ready = !unreadable && p.Entries > 0 && p.Over == nil && p.Refused == nil
	return out, nil
}

// read reads the rows that are shown, with what is wrong in them.
func (out *ListPreview) read(ctx context.Context, o portfolio.Options, p portfolio.Preview, faults *panel.Errors) error {
	marks := map[int]ListRow{}
	mark := func(row int, state RowState, f ListFault) {
		m := marks[row]
		m.State, m.Faults = state, append(m.Faults, f)
		marks[row] = m
	}
	for _, u := range p.Unknown {
		mark(u.Row, RowUnknown, ListFault{Row: u.Row, At: -1, Message: fmt.Sprintf("%.80q is not in registry %s", u.ID, p.Registry.ID), Want: "mend the id, or go on without it"})
	}
	if p.Over != nil {
		for _, x := range p.Over.Entries {
			mark(x.Row, RowOver, ListFault{Row: x.Row, At: -1, Message: fmt.Sprintf("the weight has %d bits, and beside its entity's cap it may have %d", x.Bits, x.Most), Want: "take a bound of " + p.Over.Needed + ", or a smaller weight"})
		}
	}
	state := RowTaken
	if faults != nil {
		state = RowOpen
		out.Wrong = faults.Total
		for _, e := range faults.List {
			f := ListFault{Row: e.Row, At: -1, Message: e.Message, Want: e.Want, column: e.Column}
			if e.Row < 1 {
				out.Faults = append(out.Faults, f)
			} else {
				mark(e.Row, RowWrong, f)
			}
		}
	}
	t, err := tableOf(ctx, o.File.Data, o.File.TableOptions(p.Registry), marks, state)
	if err != nil {
		return err
	}
	if p.First > 0 && p.First == t.line {
		t.headless(p.Registry.IDColumn)
	} else if m, wrong := marks[t.line]; wrong { // the header is no row of the table
		out.Faults = append(out.Faults, m.Faults...)
	}
	for i := range out.Faults {
		out.Faults[i].At = t.column(out.Faults[i].column)
	}
	for _, r := range t.rows {
		for i := range r.Faults {
			r.Faults[i].At = t.column(r.Faults[i].column)
		}
	}
	out.Header, out.Rows, out.Total = t.header, t.rows, t.count
	return nil
}

func weightsOf(p portfolio.Preview) *ListedWeights {
	if p.Weights == nil {
		return nil
	}
	out := &ListedWeights{Least: p.Weights.Least, Most: p.Weights.Most, Possible: p.Weights.Possible, Zero: p.Weights.Zero}
	if p.Over != nil {
		out.Over, out.Needed, out.Bound = len(p.Over.Entries), p.Over.Needed, p.Over.Bound
	}
	if p.Limits != nil {
		out.Bound = p.Limits.Text()
		most := int32(0)
		for _, b := range p.Limits.Bits {
			most = max(most, b)
		}
		for _, b := range p.Limits.Bits {
			if b < most {
				out.Bounded++
			}
		}
	}
	return out
}

// toldOf is what a registration would tell.
func toldOf(o portfolio.Options, p portfolio.Preview) Told {
	out := Told{Name: o.Name, Registry: o.Registry, Entities: p.Registry.Rows, By: o.File.By}
	if o.File.Weights != "" {
		out.Bits, out.Decimals = o.File.Bits, o.File.Decimals
		if p.Limits != nil {
			out.Bound = p.Limits.Text()
		}
		return out
	}
	out.Pieces = len(p.Pieces)
	return out
}

// In is the preview with its faults in a language. Rare ones stay in English.
func (out ListPreview) In(l explain.Language) ListPreview {
	out.Faults = faultsIn(l, out.Faults)
	out.Rows = slices.Clone(out.Rows)
	for i, r := range out.Rows {
		out.Rows[i].Faults = faultsIn(l, r.Faults)
	}
	return out
}

func faultsIn(l explain.Language, faults []ListFault) []ListFault {
	return route.FaultsIn(l, faults, func(f *ListFault) (message, want *string) { return &f.Message, &f.Want })
}
