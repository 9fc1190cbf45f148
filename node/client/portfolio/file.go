package portfolio

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
)

// Portfolio is a buyer's list laid over a registry.
type Portfolio struct {
	Values   []uint64 // one an entity, in the registry's order: 2^i in piece i, or the weight where it is listed, else 0
	Pieces   []string // names of the pieces, ascending; "" for the one of a list without; none: weights
	Selected []int32  // entities that are listed, ascending
	Rows     []int    // of the file, of each of these
	Unknown  []UnknownEntry
}

// row is the row of the file that lists an entity; 0: none does.
func (p *Portfolio) row(entity int) int {
	at, listed := slices.BinarySearch(p.Selected, int32(entity)) //nolint:gosec // at most catalog.MaxRegistryRows
	if !listed {
		return 0
	}
	return p.Rows[at]
}

// UnknownEntry is an id that the registry does not have.
type UnknownEntry struct {
	ID  string
	Row int // of the file
}

// UnknownError is returned for a portfolio with ids that the registry does not
// have. Nothing was registered.
type UnknownError struct {
	File     string
	Registry string
	Entries  []UnknownEntry
}

// listedUnknown is how many unknown ids a message names.
const listedUnknown = 20

// Error implements error, one line an id.
func (e *UnknownError) Error() string {
	var b strings.Builder
	what := "ids are"
	if len(e.Entries) == 1 {
		what = "id is"
	}
	fmt.Fprintf(&b, "%d %s not in registry %s:", len(e.Entries), what, e.Registry)
	for _, u := range e.Entries[:min(len(e.Entries), listedUnknown)] {
		fmt.Fprintf(&b, "\n%s:%d: %.80q", e.File, u.Row, u.ID)
	}
	if more := len(e.Entries) - listedUnknown; more > 0 {
		fmt.Fprintf(&b, "\nand %d more", more)
	}
	b.WriteString("\n--ignore-unknown goes on without them")
	return b.String()
}

// File says how a portfolio's file is read.
type File struct {
	Data           panel.File
	IDColumn       string // with the entities' ids; empty: what the registry calls it, or entity
	Weights        string // column with the weights; empty: a selector
	Bits, Decimals int    // of the weights
	Within         string // DATASET.MEASURE by whose caps the weights are bounded; empty: by none
	Bound          string // greatest weight times cap, in units of both; empty: a power of two that holds all weights
	Pieces         string // column with the name of each entity's piece; empty: one piece of all
	// By are the attributes whose groups the portfolio may be asked by; none: one group
	// (RELEASE.md section 6).
	By            []string
	IgnoreUnknown bool
}

// Read reads a portfolio's file and lays it over the registry as it is.
// What is wrong with the file is *panel.Errors, ids that the registry does not have
// are *UnknownError unless they are to be ignored.
func Read(ctx context.Context, c *client.Client, r catalog.Registry, f File) (Portfolio, error) {
	ids, err := c.RegistryIDs(ctx, r.ID)
	if err != nil {
		return Portfolio{}, err
	}
	if len(ids) < r.Rows {
		return Portfolio{}, fmt.Errorf("registry %s has %d rows, its record says %d", r.ID, len(ids), r.Rows)
	}
	index := make(map[string]int32, r.Rows)
	for i, id := range ids[:r.Rows] {
		index[id] = int32(i) //nolint:gosec // at most catalog.MaxRegistryRows
	}
	o := f.listOptions(r)
	o.Known = func(id string) bool { _, known := index[id]; return known }
	list, err := panel.ReadList(ctx, f.Data, o)
	if err != nil {
		return Portfolio{}, err
	}
	p := layPortfolio(list, index, r.Rows)
	if len(p.Unknown) > 0 && !f.IgnoreUnknown {
		return p, &UnknownError{File: f.Data.Name, Registry: r.ID, Entries: p.Unknown}
	}
	if len(p.Selected) == 0 {
		return p, &NoneError{File: f.Data.Name, Registry: r.ID, Entities: len(list.IDs)}
	}
	return p, nil
}

// listOptions say how the file is read that lists entities of a registry.
func (f File) listOptions(r catalog.Registry) panel.ListOptions {
	columns := []string{r.IDColumn, "entity"}
	if f.IDColumn != "" {
		columns = []string{f.IDColumn}
	}
	return panel.ListOptions{IDColumns: columns, Weights: f.Weights, Bits: f.Bits, Decimals: f.Decimals, Pieces: f.Pieces}
}

// NoneError is returned for a portfolio none of whose entities the registry has.
type NoneError struct {
	File, Registry string
	Entities       int // that the file lists
}

// Error implements error.
func (e *NoneError) Error() string {
	return fmt.Sprintf("%s: none of its %d entities is in registry %s", e.File, e.Entities, e.Registry)
}

// layPortfolio gives every entity of a registry its value.
func layPortfolio(list *panel.List, index map[string]int32, rows int) Portfolio {
	p := Portfolio{Values: make([]uint64, rows)}
	listed, pieceOf, rowOf := make([]bool, rows), make([]string, rows), make([]int, rows)
	for i, id := range list.IDs {
		e, known := index[id]
		if !known {
			p.Unknown = append(p.Unknown, UnknownEntry{ID: id, Row: list.Rows[i]})
			continue
		}
		listed[e], p.Values[e], rowOf[e] = true, 1, list.Rows[i]
		if list.Numbers != nil {
			p.Values[e] = list.Numbers[i]
		}
		if list.Pieces != nil {
			pieceOf[e] = list.Pieces[i]
		}
	}
	if list.Numbers == nil {
		p.sort(listed, pieceOf)
	}
	for e, in := range listed {
		if in {
			p.Selected, p.Rows = append(p.Selected, int32(e)), append(p.Rows, rowOf[e]) //nolint:gosec // at most catalog.MaxRegistryRows
		}
	}
	return p
}

// sort gives every piece that has an entity its bit, in the order of their names.
func (p *Portfolio) sort(listed []bool, pieceOf []string) {
	bit := map[string]int{}
	for e, in := range listed {
		if in {
			bit[pieceOf[e]] = 0
		}
	}
	p.Pieces = slices.Sorted(maps.Keys(bit))
	for i, name := range p.Pieces {
		bit[name] = i
	}
	for e, in := range listed {
		if in {
			p.Values[e] = 1 << bit[pieceOf[e]]
		}
	}
}
