package bureau

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/granting"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/desk/route"
)

// maxListed is how many orders are listed.
const maxListed = 200

// Inbox answers GET /api/inbox.
type Inbox struct {
	Orders []Received `json:"orders"`
}

// Received is an order on one's dataset.
type Received struct {
	catalog.Order
	Title catalog.Text `json:"title"`
}

func (b *Bureau) inbox(ctx context.Context, _ none) (Inbox, error) {
	mine, err := b.mine(ctx)
	if err != nil {
		return Inbox{}, err
	}
	orders, err := client.Orders.Read(ctx, b.client, client.ListOptions{Newest: true, Limit: maxListed})
	if err != nil {
		return Inbox{}, err
	}
	out := Inbox{Orders: []Received{}}
	for _, o := range orders {
		if d := mine[o.Dataset]; d != nil {
			out.Orders = append(out.Orders, Received{o, d.Descriptor.Title})
		}
	}
	open := func(o Received) int {
		if o.State == catalog.OrderOpen {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out.Orders, func(a, b Received) int { return cmp.Compare(open(a), open(b)) })
	return out, nil
}

// Considered is an order, and what it would allow.
type Considered struct {
	Order    catalog.Order    `json:"order"`
	Title    catalog.Text     `json:"title"`
	Public   bool             `json:"public"`
	Policy   []string         `json:"policy"` // in sentences
	Asked    Terms            `json:"asked"`
	Granted  Terms            `json:"granted"`
	Changes  []TermChange     `json:"changes"` // what is narrower than asked
	Choices  Choices          `json:"choices"`
	Places   []catalog.Places `json:"places,omitempty"` // for exact portfolios, of an order that asks for one
	Accounts *Accounts        `json:"accounts,omitempty"`
	// Others are contracts that the buyer has on the dataset.
	Others  []catalog.Contract `json:"others"`
	Problem *wire.Problem      `json:"problem,omitempty"` // why it cannot be granted so
}

// Choices are what the grant of an order is chosen among.
type Choices struct {
	Measures   []string `json:"measures"`
	Aggregates []string `json:"aggregates"`
	Columns    []string `json:"columns"`
	Grains     []string `json:"grains"`
}

// Accounts are the budgets of noise that the queries of a contract would be paid from.
type Accounts struct {
	PerQuery string          `json:"per_query"`
	Contract string          `json:"contract"` // the most that a contract may spend
	Family   catalog.Account `json:"family"`
}

// considered is an order and how it would be granted.
type considered struct {
	ID   string `path:"id"`
	Body Grant
}

func (b *Bureau) asked(ctx context.Context, in named) (Considered, error) {
	return b.consider(ctx, considered{ID: in.ID})
}

func (b *Bureau) consider(ctx context.Context, in considered) (Considered, error) {
	o, err := exchange.Order(ctx, b.client, in.ID)
	if err != nil {
		return Considered{}, err
	}
	d, err := b.own(ctx, o.Dataset)
	if err != nil {
		return Considered{}, err
	}
	r, err := b.client.Registry(ctx, d.Descriptor.Registry)
	if err != nil {
		return Considered{}, err
	}
	now := b.client.Now()
	asked, refused := granting.Contract(o, d, r.Columns, catalog.OrderApprove{Order: o.ID}, now.UnixMilli())
	out := Considered{
		Order: o, Title: d.Descriptor.Title, Public: d.Descriptor.Policy.Public, Policy: policyIn(route.Language(ctx), d.Descriptor),
		Asked: termsOf(asked, d.Descriptor, r.Columns), Choices: choicesOf(o, d.Descriptor, r.Columns), Changes: []TermChange{}, Others: []catalog.Contract{},
	}
	out.Granted = out.Asked
	approve, err := in.Body.approve(o.ID, now)
	if refused == nil && err == nil {
		var granted catalog.Contract
		if granted, refused = granting.Contract(o, d, r.Columns, approve, now.UnixMilli()); refused == nil {
			out.Granted = termsOf(granted, d.Descriptor, r.Columns)
			out.Changes = changesOf(out.Asked, out.Granted)
		}
	}
	switch {
	case err != nil:
		out.Problem = route.In(route.Language(ctx), route.ProblemOf(err))
	case refused != nil:
		out.Problem = route.In(route.Language(ctx), wire.RefusalProblem(refused))
	}
	if o.Portfolio {
		if out.Places, err = exchange.OrderPlaces(ctx, b.client, o.ID); err != nil {
			return out, err
		}
	}
	contracts, err := client.Contracts.All(ctx, b.client)
	if err != nil {
		return out, err
	}
	for _, k := range contracts {
		if k.Buyer == o.Buyer && k.Dataset == o.Dataset && k.State == catalog.ContractActive {
			out.Others = append(out.Others, k)
		}
	}
	if dp := d.Descriptor.Policy.DP; dp != nil {
		mine, err := b.mine(ctx)
		if err != nil {
			return out, err
		}
		out.Accounts = &Accounts{PerQuery: dp.EpsilonPerQuery, Contract: dp.EpsilonPerContract, Family: familyAccount(d, mine, contracts)}
	}
	return out, nil
}

// choicesOf are what an order asks for at most.
func choicesOf(o catalog.Order, d catalog.Descriptor, columns []string) Choices {
	or := func(asked, all []string) []string {
		if len(asked) == 0 {
			return all
		}
		return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !slices.Contains(asked, name) })
	}
	out := Choices{Measures: or(o.Measures, d.MeasureNames()), Aggregates: or(o.Aggregates, d.Policy.Aggregates), Columns: append([]string{d.Entity}, columns...)}
	if o.Scope != nil {
		out.Columns = append([]string{}, o.Scope.Columns...)
	}
	for _, g := range d.Grains() {
		if o.Scope != nil && o.Scope.Grain != "" && !o.Scope.Grain.Nests(calendar.Grain(g)) {
			continue
		}
		if d.Policy.Public || d.Policy.Grain == "" || !calendar.Grain(g).Finer(d.Policy.Grain) {
			out.Grains = append(out.Grains, g)
		}
	}
	return out
}

// Approved is the grant of an order.
type Approved struct {
	Order    string `json:"order"`
	Contract string `json:"contract"`
}

func (b *Bureau) approve(ctx context.Context, in considered) (Approved, error) {
	approve, err := in.Body.approve(in.ID, b.client.Now())
	if err != nil {
		return Approved{}, err
	}
	contract, err := exchange.ApproveOrder(ctx, b.client, approve)
	return Approved{Order: in.ID, Contract: contract}, err
}

// refused is an order and why it is refused.
type refused struct {
	ID   string `path:"id"`
	Body Reason
}

// Reason is why something is refused, stopped or withdrawn; others read it.
type Reason struct {
	Reason string `json:"reason"`
}

// Done says that something was done.
type Done struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

func (b *Bureau) refuse(ctx context.Context, in refused) (Done, error) {
	reason := strings.TrimSpace(in.Body.Reason)
	if reason == "" {
		return Done{}, route.BadField("reason", "the reason is missing", "say why; the buyer reads it, and may order otherwise")
	}
	err := exchange.RefuseOrder(ctx, b.client, in.ID, reason)
	return Done{ID: in.ID, State: string(catalog.OrderRefused)}, err
}

// changed is a contract and what becomes of it.
type changed struct {
	ID   string `path:"id"`
	Body ContractChange
}

// ContractChange says what becomes of a contract: suspend, resume or revoke.
type ContractChange struct {
	Act    string `json:"act"`
	Reason string `json:"reason"`
}

// contractActs are the acts on contracts.
var contractActs = map[string]struct {
	kind catalog.Kind
	to   catalog.ContractState
}{
	"suspend": {catalog.KindContractSuspend, catalog.ContractSuspended},
	"resume":  {catalog.KindContractResume, catalog.ContractActive},
	"revoke":  {catalog.KindContractRevoke, catalog.ContractRevoked},
}

func (b *Bureau) changeContract(ctx context.Context, in changed) (Done, error) {
	act, known := contractActs[in.Body.Act]
	if !known {
		return Done{}, route.BadField("act", "a contract is suspended, resumed or revoked", "send suspend, resume or revoke")
	}
	err := exchange.ChangeContract(ctx, b.client, act.kind, in.ID, strings.TrimSpace(in.Body.Reason))
	return Done{ID: in.ID, State: string(act.to)}, err
}
