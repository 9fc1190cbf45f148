package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/query"
)

// PortfolioOptions say how a portfolio is registered.
type PortfolioOptions struct {
	Name     string
	Registry string
	PortfolioFile

	// For is a query, in SQL, that the portfolio is meant for: entries that would
	// make its cohort test fail are found out before anything is registered. Query
	// says how that query will be asked.
	For   string
	Query QueryOptions
	// LeaveOut decides whether the entries that a test would fail on are left out.
	// nil: they are not, and the portfolio is refused.
	LeaveOut func(LeftOut) (bool, error)
	// Progress, if not nil, is told of every state of the vector that was seen.
	Progress func(catalog.Vector)
	// Watch is the VectorPlan's.
	Watch func(catalog.Vector)
}

// LeftOut are entries of a portfolio to leave out, and why.
type LeftOut struct {
	IDs   []string // in the registry's order
	Why   []string // a line for each set of entities on which the test would fail
	Stays int      // entries that stay in the portfolio
}

// Registered is a portfolio that the nodes hold.
type Registered struct {
	Vector  catalog.Vector
	Entries int // entities that it selects, or that have a weight in it
	Unknown []UnknownEntry
	LeftOut LeftOut
}

// RegisterPortfolio reads a portfolio's file, finds out what a query on it would
// fail on, and registers the rest as the next version of its name. Errors are those
// of ReadPortfolio and RegisterVector, and a refusal of rule "cohort" where entries
// would have to be left out and must not be.
func (c *Client) RegisterPortfolio(ctx context.Context, o PortfolioOptions) (Registered, error) {
	registry, err := c.Registry(ctx, o.Registry)
	if err != nil {
		return Registered{}, err
	}
	p, err := c.ReadPortfolio(ctx, registry, o.PortfolioFile)
	if err != nil {
		return Registered{}, err
	}
	out := Registered{Unknown: p.Unknown}
	if o.For != "" && o.Weights == "" {
		if p, out.LeftOut, err = c.mendPortfolio(ctx, registry, p, o); err != nil {
			return out, err
		}
	}
	plan := VectorPlan{Name: o.Name, Registry: registry, Values: p.Values, Bits: 1, Watch: o.Watch}
	if o.Weights != "" {
		plan.Bits, plan.Decimals = o.Bits, o.Decimals
	}
	defer clear(p.Values)
	out.Entries = len(p.Selected)
	out.Vector, err = c.RegisterVector(ctx, plan, o.Progress)
	return out, err
}

// PreviewPortfolio tells what RegisterPortfolio would leave out for the query
// o.For, and how many entries it would register. Nothing is registered.
func (c *Client) PreviewPortfolio(ctx context.Context, o PortfolioOptions) (Registered, error) {
	registry, err := c.Registry(ctx, o.Registry)
	if err != nil {
		return Registered{}, err
	}
	p, err := c.ReadPortfolio(ctx, registry, o.PortfolioFile)
	if err != nil {
		return Registered{}, err
	}
	defer clear(p.Values)
	o.LeaveOut = func(LeftOut) (bool, error) { return true, nil }
	mended, left, err := c.mendPortfolio(ctx, registry, p, o)
	return Registered{Entries: len(mended.Selected), Unknown: p.Unknown, LeftOut: left}, err
}

// mendPortfolio leaves out what the query's cohort test would fail on.
func (c *Client) mendPortfolio(ctx context.Context, registry catalog.Registry, p Portfolio, o PortfolioOptions) (Portfolio, LeftOut, error) {
	cohorts, err := c.Cohorts(ctx, o.For, o.Query)
	if err != nil {
		return p, LeftOut{}, fmt.Errorf("look at what %s will be asked for: %w", o.Name, err)
	}
	sets := make([]catalog.CohortSet, len(cohorts.Sets))
	for i, s := range cohorts.Sets {
		sets[i] = catalog.CohortSet(s)
	}
	proposal := ProposeCohort(cohorts.MinCohort, sets, p.Selected)
	if len(proposal.Failures) == 0 {
		return p, LeftOut{}, nil
	}
	ids, err := c.RegistryIDs(ctx, registry.ID)
	if err != nil {
		return p, LeftOut{}, err
	}
	left := leftOut(cohorts.MinCohort, proposal, ids)
	switch {
	case len(proposal.Hopeless) > 0:
		return p, left, cohortRefusal(o.Name, left, "the query cannot be answered for any portfolio: ask it of more entities, or with --epsilon")
	case proposal.Left == 0:
		return p, left, cohortRefusal(o.Name, left, "nothing would be left: add entries, or ask with --epsilon")
	}
	agreed := false
	if o.LeaveOut != nil {
		if agreed, err = o.LeaveOut(left); err != nil {
			return p, left, err
		}
	}
	if !agreed {
		return p, left, cohortRefusal(o.Name, left, "leave them out with --leave-out, add entries, or ask with --epsilon")
	}
	return p.Without(proposal.LeaveOut), left, nil
}

// cohortFailed is the refusal of a private query whose cohort test failed, as all
// members of its attempt say; nil for any other.
func cohortFailed(q catalog.Query) *catalog.Refusal {
	if len(q.Attempts) == 0 || len(q.Cohort) == 0 || len(q.Cohort) < len(q.Attempts[len(q.Attempts)-1].Active) {
		return nil
	}
	return &catalog.Refusal{
		Kind: catalog.RefusedPolicy, Rule: "cohort", Field: "in",
		Message: fmt.Sprintf("query %s is not answered: somewhere in it too few entities are selected, or too few are left over; the nodes know no more than that", q.ID),
		Fix:     "register the portfolio with --anew, --for and the query: you are told which entries to leave out; or ask with --epsilon where the policy has dp",
	}
}

// maxWhy is how many reasons are listed: one set's entities fail in many months
// alike.
const maxWhy = 12

func leftOut(k int, p CohortProposal, ids []string) LeftOut {
	out := LeftOut{Stays: p.Left}
	for _, e := range p.LeaveOut {
		out.IDs = append(out.IDs, ids[e])
	}
	for _, f := range p.Failures {
		if why := f.Why(k); !slices.Contains(out.Why, why) {
			out.Why = append(out.Why, why)
		}
	}
	if more := len(out.Why) - maxWhy; more > 0 {
		out.Why = append(out.Why[:maxWhy], fmt.Sprintf("and %d more", more))
	}
	return out
}

// cohortRefusal refuses a portfolio on which the query's cohort test would fail.
func cohortRefusal(name string, left LeftOut, fix string) error {
	return &catalog.Refusal{
		Kind: catalog.RefusedPolicy, Rule: "cohort", Field: "in",
		Message: fmt.Sprintf("the nodes' test of portfolio %s would fail, and nothing was registered: %s; to leave out: %s",
			name, strings.Join(left.Why, "; "), someOf(left.IDs)),
		Fix: fix,
	}
}

// someOf lists the first of many ids.
func someOf(ids []string) string {
	const most = 40
	if len(ids) <= most {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:most], ", "), len(ids)-most)
}

// errSelectors is returned for a query whose file is not that of its selector.
var errSelectors = errors.New("a file is taken for the one portfolio that entities are IN")

// SelectorOf is the name within entity IN PRIVATE(name), and the registry that the
// query is on, whether or not there is such a vector yet. Private weights are no
// selector.
func (c *Client) SelectorOf(ctx context.Context, sql string) (name, registry string, err error) {
	d, compiled, err := c.compileFor(ctx, sql, true)
	if err != nil {
		return "", "", err
	}
	names := query.VectorNames(sql)
	if compiled.Request.In != catalog.NewVector || len(names) != 1 {
		return "", "", fmt.Errorf("%w: the SQL has no entity IN PRIVATE(name); weights are registered with `weir portfolio register`", errSelectors)
	}
	return names[0], d.Descriptor.Registry, nil
}
