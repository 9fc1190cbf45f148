package buyer

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/compute/aggregate"
)

// maxValues is how many values of a column are completed.
const maxValues = 2000

// Names are what an editor completes.
type Names struct {
	Dataset   string        `json:"dataset"`
	Measures  []Measured    `json:"measures"`
	Columns   []NamedColumn `json:"columns"` // the entity first
	Grains    []string      `json:"grains"`
	Functions []string      `json:"functions"`
	Capped    []string      `json:"capped"`          // measures whose readings are bounded by an attribute of their entity
	First     string        `json:"first,omitempty"` // periods of the live version
	Last      string        `json:"last,omitempty"`
}

// NamedColumn is a column with its values, or the first of them.
type NamedColumn struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
	More   bool     `json:"more,omitempty"` // there are more values than are listed
}

func (s *datasets) names(ctx context.Context, in named) (Names, error) {
	d, err := s.client.Dataset(ctx, in.ID)
	if err != nil {
		return Names{}, err
	}
	r, rows, err := s.client.WholeRegistry(ctx, d.Descriptor.Registry)
	if err != nil {
		return Names{}, err
	}
	t, err := tables.New(r.Columns, rows)
	if err != nil {
		return Names{}, err
	}
	e, err := s.entry(ctx, d)
	if err != nil {
		return Names{}, err
	}
	out := Names{Dataset: d.ID, Measures: e.Measures, Grains: d.Descriptor.Grains(), Functions: functions(d.Descriptor), First: e.First, Last: e.Last,
		Capped: append([]string{}, slices.Sorted(maps.Keys(d.Descriptor.Policy.Caps))...)}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row[0]
	}
	out.Columns = append(out.Columns, namedColumn(d.Descriptor.Entity, ids))
	for _, c := range r.Columns {
		values, _ := t.Distinct(c)
		out.Columns = append(out.Columns, namedColumn(c, values))
	}
	return out, nil
}

func namedColumn(name string, values []string) NamedColumn {
	return NamedColumn{Name: name, Values: append([]string{}, values[:min(len(values), maxValues)]...), More: len(values) > maxValues}
}

// functions are those that the policy grants, by the names that SQL has for them.
func functions(d catalog.Descriptor) (names []string) {
	for _, f := range aggregate.Functions {
		if len(f.Names) > 0 && catalog.Grants(d.Policy.Aggregates, f.Func) {
			names = append(names, f.Names[0])
		}
	}
	return names
}

// Sample is a query that runs on a dataset, for whoever has a contract on it.
type Sample struct {
	Title string `json:"title"` // a code that the page words: total, by_group, series, count
	SQL   string `json:"sql"`
}

// samples are queries on the first measure: in all, by the first group that the policy has, over time, and how many
// readings there are.
func samples(d catalog.Dataset, r catalog.Registry) []Sample {
	of := d.Descriptor
	out := []Sample{}
	if d.Live == 0 || len(of.Measures) == 0 {
		return out
	}
	measure, figure := quoted(of.Measures[0].Name), ""
	switch {
	case catalog.Grants(of.Policy.Aggregates, catalog.FuncSum):
		figure = "SUM(" + measure + ")"
	case catalog.Grants(of.Policy.Aggregates, catalog.FuncAvg):
		figure = "AVG(" + measure + ")"
	}
	grain := of.Policy.Grain
	if grain == "" {
		grain = of.Grain
	}
	from := " FROM " + quoted(d.ID)
	group := ""
	if cubes := of.Policy.Cubes; len(cubes) > 0 && len(cubes[0]) > 0 {
		group = quoted(cubes[0][0])
	} else if of.Policy.Public && len(r.Columns) > 0 {
		group = quoted(r.Columns[0])
	}
	if figure != "" {
		out = append(out, Sample{"total", "SELECT " + figure + from})
		if group != "" {
			out = append(out, Sample{"by_group", "SELECT " + group + ", " + figure + from + " GROUP BY " + group})
		}
		for coarser := grain; coarser != ""; coarser = coarser.Coarser() { // few enough rows to look at
			if grain = coarser; slices.Contains([]string{"day", "week", "month", "quarter", "year"}, string(grain)) {
				break
			}
		}
		part := "date_trunc('" + string(grain) + "', period)"
		out = append(out, Sample{"series", "SELECT " + part + " AS time, " + figure + from + " GROUP BY time"})
	}
	if catalog.Grants(of.Policy.Aggregates, catalog.FuncCount) {
		count := "SELECT "
		if group != "" {
			count += group + ", "
		}
		if count += "COUNT(" + measure + ")" + from; group != "" {
			count += " GROUP BY " + group
		}
		out = append(out, Sample{"count", count})
	}
	return out
}

// quoted writes a name as SQL takes every name.
func quoted(name string) string {
	plain := name != "" && !slices.ContainsFunc([]rune(name), func(c rune) bool {
		return (c < 'a' || c > 'z') && c != '_' && (c < '0' || c > '9')
	}) && (name[0] < '0' || name[0] > '9') && !slices.Contains(reserved, name)
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// reserved are words that are names in double quotes alone.
var reserved = []string{
	"select", "from", "where", "group", "by", "order", "limit", "and", "or", "not", "in", "between", "as", "asc", "desc", "having", "join", "using",
	"distinct", "union", "like", "is", "null", "offset", "case", "when", "then", "else", "end", "period", "entity",
}
