package catalog

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
)

// ContractState says whether a contract may be used. That its term is over is
// not a state: Until says it.
type ContractState string

// States of a contract.
const (
	ContractActive    ContractState = "active"
	ContractSuspended ContractState = "suspended" // until it is resumed
	ContractRevoked   ContractState = "revoked"   // for good
)

// QueriesLeft is how many more queries may be asked; limited is false when any
// number may.
func (k Contract) QueriesLeft() (left int, limited bool) {
	return max(k.Queries-k.Used, 0), k.Queries > 0
}

// BudgetLeft is the amount that may still be spent, in the price's currency;
// limited is false when any amount may.
func (k Contract) BudgetLeft() (left string, limited bool) {
	if k.Budget == "" {
		return "", false
	}
	return decimal.SubtractAmount(k.Budget, k.Spent), true
}

// ContractChange is the body of the acts of a publisher on a contract it
// granted. The buyer reads the reason.
type ContractChange struct {
	Contract string `json:"contract"`
	Reason   string `json:"reason,omitempty"`
}

// Currency is the currency of a contract's queries; empty when they cost nothing.
func (k Contract) Currency() string { return k.price().Currency }

// QueryPrice is the price of one query; empty when it costs nothing.
func (k Contract) QueryPrice() string { return k.price().PerQuery }

func (k Contract) price() Price {
	if k.Price == nil {
		return Price{}
	}
	return *k.Price
}

// Scope narrows what a contract's queries may tell apart. Columns are what
// conditions and groups may use: attributes of the registry, and the entity by
// the descriptor's name for it. Grain, if set, is the finest period that groups
// and conditions may use. No Scope at all is the dataset's own policy.
type Scope struct {
	Columns []string       `json:"columns"` // ascending
	Grain   calendar.Grain `json:"grain,omitempty"`
}

// ScopeOf is the narrowest scope that allows a request on a dataset.
func ScopeOf(d Descriptor, q Request) Scope {
	s := Scope{Columns: []string{}}
	for _, c := range q.used(d) {
		s.Columns = append(s.Columns, c.name)
	}
	slices.Sort(s.Columns)
	s.Columns = slices.Compact(s.Columns)
	for _, s.Grain = range slices.Backward(calendar.Grains[:]) {
		if d.Grain.Groups(s.Grain) && q.splits(d.Grain, s.Grain) == "" {
			break
		}
	}
	return s
}

// usedColumn is a column that a request uses, and where.
type usedColumn struct{ name, field string }

// used are the columns of a request's conditions and groups.
func (q Request) used(d Descriptor) []usedColumn {
	var all []usedColumn
	add := func(column, field string) {
		if column == "" {
			column = d.Entity
		}
		all = append(all, usedColumn{column, field})
	}
	for i, dim := range q.By {
		if dim.OfEntities() {
			add(dim.Column, fmt.Sprintf("by[%d]", i))
		}
	}
	if q.In != "" {
		add("", "in")
	}
	for i, a := range q.Select {
		if a.Weight != "" {
			add("", fmt.Sprintf("select[%d]", i))
		}
	}
	for _, column := range q.Where.Columns() {
		add(column, "where")
	}
	return all
}

// splits names the field of the request that tells periods finer than g apart;
// empty when none does.
func (q Request) splits(own, g calendar.Grain) string {
	for i, dim := range q.By {
		if dim.Kind == DimPeriod && !g.Nests(dim.Grain) && (g != own || !own.Groups(dim.Grain)) {
			return fmt.Sprintf("by[%d]", i)
		}
	}
	if !own.Finer(g) {
		return ""
	}
	if !own.Groups(g) { // a part of a period of the data would lie in g
		return "periods"
	}
	whole := func(edge int64) bool { return g.Span(own.In(edge, g), own).From == edge }
	for i, p := range q.Periods {
		if !whole(p.From) || !whole(p.To) {
			return fmt.Sprintf("periods[%d]", i)
		}
	}
	return ""
}

// Check refuses a scope that does not fit the dataset.
func (s *Scope) Check(d Descriptor, columns []string) *Refusal {
	if s == nil {
		return nil
	}
	known := func(c string) bool { return c == d.Entity || slices.Contains(columns, c) }
	if r := CheckNames("scope.columns", s.Columns, known, "scope.column", append([]string{d.Entity}, columns...)); r != nil {
		return r
	}
	if s.Grain != "" && !s.Grain.Valid() {
		return Invalid("scope.grain", "grain.unknown", s.Grain)
	}
	if s.Grain != "" && d.Grain.Finer(s.Grain) && !d.Grain.Groups(s.Grain) {
		return Invalid("scope.grain", "request.grain_finer", s.Grain, d.Grain)
	}
	return nil
}

// InScope refuses a request that tells apart what the contract does not grant.
func (k Contract) InScope(d Descriptor, q Request) *Refusal {
	if k.Scope == nil {
		return nil
	}
	for _, c := range q.used(d) {
		if !slices.Contains(k.Scope.Columns, c.name) {
			if len(k.Scope.Columns) == 0 {
				return Refuse(RefusedPolicy, "contract_scope", "contract.no_column", k.ID, c.name, k.Dataset).WithField(c.field)
			}
			return Refuse(RefusedPolicy, "contract_scope", "contract.column", k.ID, c.name, k.Dataset, k.Scope.Columns).
				WithField(c.field)
		}
	}
	if g := k.Scope.Grain; g != "" {
		if field := q.splits(d.Grain, g); field != "" {
			return Refuse(RefusedPolicy, "contract_scope", "contract.grain", k.ID, g).WithField(field)
		}
	}
	return nil
}

// Statement is what was asked under a contract, and what it cost. Amounts are
// exact decimals in Currency. Queries counts accepted ones, repeats and failed
// ones included; Groups only what was released. A page of one counts and adds up its
// own lines; Add puts pages together.
type Statement struct {
	Contract Contract        `json:"contract"`
	Month    string          `json:"month,omitempty"` // such as 2026-11, in the dataset's utc_offset; empty: the whole term
	Currency string          `json:"currency,omitempty"`
	Lines    []StatementLine `json:"lines"`
	Queries  int             `json:"queries"`
	Repeats  int             `json:"repeats"`
	Failed   int             `json:"failed"`
	Groups   int             `json:"groups"`
	Price    string          `json:"price"` // charged in that time and not refunded
	// What is left now, not at the month's end; empty or absent: not limited.
	QueriesLeft *int   `json:"queries_left,omitempty"`
	BudgetLeft  string `json:"budget_left,omitempty"`
	Next        string `json:"next,omitempty"` // Page.After of the lines that follow; empty: these are the last
}

// StatementLine is one query. Price is what it cost after refunds.
type StatementLine struct {
	Query    string     `json:"query"`
	Seq      uint64     `json:"seq"` // entry of the evidence log
	Accepted int64      `json:"accepted"`
	Version  int        `json:"release"`
	State    QueryState `json:"state"`
	Repeats  string     `json:"repeats,omitempty"`
	Groups   int        `json:"groups"`
	Price    string     `json:"price"`
	Refunded bool       `json:"refunded,omitempty"`
}

// Add appends the following page.
func (s *Statement) Add(next Statement) {
	s.Lines = append(s.Lines, next.Lines...)
	s.Queries += next.Queries
	s.Repeats += next.Repeats
	s.Failed += next.Failed
	s.Groups += next.Groups
	s.Price = decimal.AddAmounts(s.Price, next.Price)
	s.Contract, s.QueriesLeft, s.BudgetLeft, s.Next = next.Contract, next.QueriesLeft, next.BudgetLeft, next.Next
}

// A place is what lets an owner have exact figures of a private portfolio of a measure
// (RELEASE.md section 6.5). The policy's portfolios say how many owners have one at a time. It
// is taken when a contract with a portfolio is approved, and free again when that ends;
// but for periods that were asked, which stay the owner's, and its list's, for good.

// Places is how the places of a measure are taken.
type Places struct {
	Measure string   `json:"measure"`
	Owners  int      `json:"owners"`            // that may have one at a time
	Holders []string `json:"holders,omitempty"` // principals with a contract that gives them one
	Taken   []Taken  `json:"taken,omitempty"`   // by owners of contracts, past ones too; ascending
}

// Left is how many places are left.
func (p Places) Left() int { return max(p.Owners-len(p.Holders), 0) }

// Taken is a run of periods of the policy's grain that were asked for an owner's
// portfolio.
type Taken struct {
	Owner string `json:"owner"`
	calendar.Interval
}
