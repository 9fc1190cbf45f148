package bureau

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/desk/route"
)

// Grant is how an order is granted: what is set is narrower than what was asked. The last day is a date in China's time.
type Grant struct {
	Measures   []string `json:"measures,omitempty"`
	Aggregates []string `json:"aggregates,omitempty"`
	// Columns that conditions and groups may use, and the finest grain, where Scoped; else as asked.
	Scoped      bool     `json:"scoped,omitempty"`
	Columns     []string `json:"columns,omitempty"`
	Grain       string   `json:"grain,omitempty"`
	Until       string   `json:"until,omitempty"`
	Queries     int      `json:"queries,omitempty"`
	Budget      string   `json:"budget,omitempty"`
	Epsilon     string   `json:"epsilon,omitempty"` // 0: no noised answers
	MinCohort   int      `json:"min_cohort,omitempty"`
	NoPortfolio bool     `json:"no_portfolio,omitempty"`
}

// approve is what is signed of a grant.
func (g Grant) approve(order string, now time.Time) (catalog.OrderApprove, error) {
	out := catalog.OrderApprove{
		Order: order, Measures: g.Measures, Aggregates: g.Aggregates, Queries: g.Queries, Budget: g.Budget, Epsilon: g.Epsilon,
		MinCohort: g.MinCohort, NoPortfolio: g.NoPortfolio,
	}
	switch {
	case g.Queries < 0 || g.MinCohort < 0:
		return out, route.BadField("queries", "a number is negative", "leave it empty for what was asked")
	case g.Grain != "" && !calendar.Grain(g.Grain).Valid():
		return out, route.BadField("grain", fmt.Sprintf("%.20q is no grain", g.Grain), fmt.Sprintf("take one of %q", calendar.Grains))
	case g.Grain != "" && !g.Scoped:
		return out, route.BadField("grain", "a grain is granted together with the columns", "send scoped and the columns")
	}
	if g.Scoped {
		out.Scope = &catalog.Scope{Columns: append([]string{}, g.Columns...), Grain: calendar.Grain(g.Grain)}
	}
	if g.Until != "" {
		end, err := exchange.EndOfDay(g.Until, now)
		if err != nil {
			return out, route.BadField("until", err.Error(), "give a day to come, such as 2027-12-31, or none for what was asked")
		}
		out.Until = end
	}
	return out, nil
}

// Terms are what a contract allows.
type Terms struct {
	Measures   []string `json:"measures"`
	Aggregates []string `json:"aggregates"`
	Columns    []string `json:"columns"`
	Grain      string   `json:"grain"`
	MinCohort  int      `json:"min_cohort,omitempty"`
	Portfolio  bool     `json:"portfolio"`
	Until      int64    `json:"until"`             // Unix milliseconds
	Queries    int      `json:"queries,omitempty"` // 0: any number
	Budget     string   `json:"budget,omitempty"`  // empty: any amount
	Epsilon    string   `json:"epsilon,omitempty"` // empty: there are no noised answers
	Price      string   `json:"price,omitempty"`   // of a query
	Currency   string   `json:"currency,omitempty"`
	// Most is how many queries can be paid for, and Income what they bring at most; 0 and empty: there is no bound.
	Most   int    `json:"most,omitempty"`
	Income string `json:"income,omitempty"`
}

// termsOf are the terms of a contract on a dataset.
func termsOf(k catalog.Contract, d catalog.Descriptor, columns []string) Terms {
	out := Terms{
		Measures: append([]string{}, k.Measures...), Aggregates: append([]string{}, k.Aggregates...), Columns: append([]string{d.Entity}, columns...),
		Grain: string(d.Policy.Grain), MinCohort: max(k.MinCohort, d.Policy.MinCohort), Portfolio: k.Portfolio, Until: k.Until, Queries: k.Queries,
		Budget: k.Budget, Price: k.QueryPrice(), Currency: k.Currency(),
	}
	if s := k.Scope; s != nil {
		out.Columns = append([]string{}, s.Columns...)
		if s.Grain != "" {
			out.Grain = string(s.Grain)
		}
	}
	if d.Policy.DP != nil {
		out.Epsilon = k.NoiseLimit(d.Policy)
	}
	out.Most, out.Income = mostQueries(k)
	return out
}

// mostQueries is how many queries a contract allows, by its number and its budget, and what they bring.
func mostQueries(k catalog.Contract) (n int, income string) {
	n = k.Queries
	price := k.QueryPrice()
	if price == "" {
		return n, ""
	}
	if one := decimal.Amount(price); k.Budget != "" && one.Sign() > 0 {
		most := new(big.Int).Quo(decimal.Amount(k.Budget), one)
		if most.IsInt64() && (n == 0 || most.Int64() < int64(n)) {
			n = int(most.Int64())
		}
	}
	if n == 0 {
		return 0, ""
	}
	return n, decimal.FormatAmount(new(big.Int).Mul(decimal.Amount(price), big.NewInt(int64(n))))
}

// TermChange is a term that is narrower than it was asked. Lists have all of their items.
type TermChange struct {
	Field   string   `json:"field"`
	Asked   []string `json:"asked"`
	Granted []string `json:"granted"`
}

// changesOf compares what was asked with what is granted.
func changesOf(asked, granted Terms) []TermChange {
	out := []TermChange{}
	list := func(field string, a, g []string) {
		if !slices.Equal(a, g) {
			out = append(out, TermChange{field, append([]string{}, a...), append([]string{}, g...)})
		}
	}
	number := func(n int) []string {
		if n == 0 {
			return nil
		}
		return []string{strconv.Itoa(n)}
	}
	text := func(s string) []string {
		if s == "" {
			return nil
		}
		return []string{s}
	}
	list("measures", asked.Measures, granted.Measures)
	list("aggregates", asked.Aggregates, granted.Aggregates)
	if !slices.Equal(slices.Sorted(slices.Values(asked.Columns)), slices.Sorted(slices.Values(granted.Columns))) {
		list("columns", asked.Columns, granted.Columns)
	}
	list("grain", text(asked.Grain), text(granted.Grain))
	list("min_cohort", number(asked.MinCohort), number(granted.MinCohort))
	list("portfolio", []string{strconv.FormatBool(asked.Portfolio)}, []string{strconv.FormatBool(granted.Portfolio)})
	list("until", []string{calendar.LastDay(asked.Until)}, []string{calendar.LastDay(granted.Until)})
	list("queries", number(asked.Queries), number(granted.Queries))
	list("budget", text(asked.Budget), text(granted.Budget))
	list("epsilon", text(asked.Epsilon), text(granted.Epsilon))
	return out
}

// familyAccount is what is left of the budget of noise that a dataset shares with all of one's datasets on its registry:
// every epsilon that is spent of it is spent by one of their contracts, too.
func familyAccount(d catalog.Dataset, mine map[string]*catalog.Dataset, contracts []catalog.Contract) catalog.Account {
	spent := new(big.Rat)
	for _, k := range contracts {
		if of := mine[k.Dataset]; of != nil && of.Descriptor.Registry == d.Descriptor.Registry {
			if v, ok := decimal.ParseEpsilon(k.NoiseSpent()); ok {
				spent.Add(spent, v)
			}
		}
	}
	limit, ok := decimal.ParseEpsilon(d.Descriptor.Policy.DP.EpsilonFamily)
	if !ok {
		return catalog.Account{}
	}
	return catalog.NewAccount(limit, spent)
}
