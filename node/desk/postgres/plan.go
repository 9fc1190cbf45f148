package postgres

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// figures is a part of a query that the nodes answer: aggregates on a dataset.
type figures struct {
	sql    string // in Weir's language
	form   string // the same without its conditions: what its columns are
	none   bool   // LIMIT 0: it is asked for its columns alone
	years  []int  // columns that are the number of a year, and no date
	epochs []int  // columns that are seconds since 1970, and no date
	table  string // that the rest of the query has it by; empty: it is all
}

// plan is how a query is answered.
type plan struct {
	figures []*figures
	local   []token.Token // what is left for the catalogue; nil: nothing
	reads   []string      // datasets whose public columns it reads row by row
	nulls   bool          // measures are among what it reads
}

// planner makes a plan.
type planner struct {
	dataset func(id string) *Dataset
	out     plan
}

// planOf says how a query is answered. The parameters are put in already.
func planOf(list []token.Token, dataset func(id string) *Dataset) (*plan, error) {
	p := &planner{dataset: dataset}
	list = unparenthesized(list)
	if c, ok := clausesOf(list); ok {
		c = unwrapped(c)
		if f, err := p.whole(c); f != nil || err != nil {
			return &plan{figures: []*figures{f}}, err
		}
	}
	local, err := p.query(list)
	if err != nil {
		return nil, err
	}
	p.out.local = local
	return &p.out, nil
}

// whole is a query that the nodes answer as it stands; nil: it is another. An OFFSET is left to the catalogue.
func (p *planner) whole(c clauses) (*figures, error) {
	if len(c.offset) > 1 || len(c.offset) == 1 && c.offset[0].Text != "0" {
		return nil, nil //nolint:nilnil // the rest of the query is not for the nodes
	}
	c.offset = nil
	return p.figuresOf(c)
}

// query replaces what the nodes answer within a query by tables.
func (p *planner) query(list []token.Token) ([]token.Token, error) {
	var out []token.Token
	depth, from := 0, 0
	for i := 0; i <= len(list); i++ {
		if i < len(list) {
			depth += token.Depth(list[i])
		}
		if i < len(list) && (depth != 0 || !list[i].Is("UNION", "INTERSECT", "EXCEPT")) {
			continue
		}
		arm, err := p.arm(list[from:i])
		if err != nil {
			return nil, err
		}
		out = append(out, arm...)
		if i == len(list) {
			break
		}
		out = append(out, list[i])
		if i+1 < len(list) && list[i+1].Is("ALL", "DISTINCT") {
			i++
			out = append(out, list[i])
		}
		from = i + 1
	}
	return out, nil
}

// arm is query for one SELECT.
func (p *planner) arm(list []token.Token) ([]token.Token, error) {
	if c, ok := clausesOf(list); ok {
		c = unwrapped(c)
		offset, limit := c.offset, []token.Token{sign("-"), {Kind: token.Number, Text: "1"}}
		c.offset = nil
		if len(offset) > 0 && len(c.limit) > 0 { // the nodes' rows are cut afterwards
			limit, c.limit = c.limit, nil
		}
		f, err := p.figuresOf(c)
		switch {
		case err != nil:
			return nil, err
		case f != nil && len(offset) > 0:
			return slices.Concat(p.tableOf(f), []token.Token{word("LIMIT")}, limit, []token.Token{word("OFFSET")}, offset), nil
		case f != nil:
			return p.tableOf(f), nil
		}
		if rows, ok := p.rowsOf(list); ok {
			list = rows
		}
	}
	var out []token.Token
	for i := 0; i < len(list); i++ {
		out = append(out, list[i])
		if !list[i].Is("(") || i+1 >= len(list) {
			continue
		}
		end := token.Closing(list, i)
		if end < 0 {
			return nil, fail(stateSyntax, "", "a parenthesis is not closed")
		}
		inner, err := p.query(list[i+1 : end])
		if err != nil {
			return nil, err
		}
		out = append(append(out, inner...), list[end])
		i = end
	}
	return out, nil
}

// tableOf is the query on the table that has the figures.
func (p *planner) tableOf(f *figures) []token.Token {
	f.table = fmt.Sprintf("weir figures %d", len(p.out.figures)+1)
	p.out.figures = append(p.out.figures, f)
	return []token.Token{word("SELECT"), sign("*"), word("FROM"), word("temp"), sign("."), {Kind: token.Quoted, Text: f.table}}
}

// rowsOf notes that a query reads a dataset's public columns row by row. Where it asks for the values of columns of
// entities alone, or of the periods, and each once, it is not given all pairs of both.
func (p *planner) rowsOf(list []token.Token) ([]token.Token, bool) {
	c, _ := clausesOf(list)
	out := slices.Clone(list)
	found, depth := false, 0
	var read *Dataset
	for i := 0; i < len(out); i++ {
		t := out[i]
		if depth += token.Depth(t); depth != 0 { // queries within are looked at by themselves
			continue
		}
		if !t.Named() || i == 0 || !(out[i-1].Is("FROM", "JOIN", ",", ".")) || i+1 < len(out) && out[i+1].Is(".") {
			continue
		}
		d := p.dataset(t.Lower())
		if d == nil || !fromTable(out, i) {
			continue
		}
		if found && read.ID != d.ID { // periods of several are not told apart
			read = &Dataset{}
		} else {
			read = d
		}
		found = true
		p.out.reads = append(p.out.reads, d.ID)
		star, period, entity, measure := d.mentioned(list, i)
		if star || measure {
			p.out.nulls = true
		}
		once := c.distinct || len(c.group) > 0
		name := d.ID
		switch {
		case once && !star && !measure && !period:
			name = pgcatalog.EntitiesOf(d.ID)
		case once && !star && !measure && !entity:
			name = pgcatalog.PeriodsOf(d.ID)
		case !once && !star && !measure && !entity && onlyEnds(c.items):
			name = pgcatalog.PeriodsOf(d.ID)
		}
		out[i] = token.Token{Kind: token.Quoted, Text: name}
		if i+1 == len(out) || !out[i+1].Is("AS") && !aliased(out[i+1]) {
			out = slices.Insert(out, i+1, word("AS"), token.Token{Kind: token.Quoted, Text: d.ID})
		}
	}
	if found && read.ID != "" {
		out = localPeriods(out, read.Grain, read.Offset)
	}
	return out, found
}

// onlyEnds reports whether a list has MIN and MAX alone.
func onlyEnds(items []token.Token) bool {
	for _, item := range token.Split(items, ",") {
		if len(item) < 4 || !item[0].Is("MIN", "MAX") {
			return false
		}
	}
	return true
}

// aliased reports whether a token may be the alias of the table before it.
func aliased(t token.Token) bool {
	return t.Named() && !t.Is("WHERE", "GROUP", "ORDER", "LIMIT", "OFFSET", "HAVING", "JOIN", "LEFT", "RIGHT", "INNER", "CROSS", "FULL", "ON", "USING", "UNION", "FETCH", "WINDOW", "FOR")
}

// fromTable reports whether the name at i is that of a table, after FROM or JOIN, with or without its schema.
func fromTable(list []token.Token, i int) bool {
	for i >= 2 && list[i-1].Is(".") && list[i-2].Named() {
		i -= 2
	}
	if i == 0 {
		return false
	}
	if list[i-1].Is("FROM", "JOIN") {
		return true
	}
	if !list[i-1].Is(",") {
		return false
	}
	depth := 0
	for j := i - 1; j >= 0; j-- { // a comma in FROM
		depth -= token.Depth(list[j])
		switch {
		case depth < 0:
			return false
		case depth == 0 && list[j].Is("FROM"):
			return true
		case depth == 0 && list[j].Is("SELECT", "WHERE", "BY", "HAVING", "ON"):
			return false
		}
	}
	return false
}

// unwrapped is a query on all, or some columns, of a dataset in parentheses as one on the dataset: that is how tools ask a
// table that a person wrote.
func unwrapped(c clauses) clauses {
	if len(c.from) < 4 || !c.from[0].Is("(") {
		return c
	}
	end := token.Closing(c.from, 0)
	if end < 0 {
		return c
	}
	inner, ok := clausesOf(c.from[1:end])
	if !ok || inner.distinct || len(inner.group)+len(inner.having)+len(inner.limit)+len(inner.offset) > 0 {
		return c
	}
	inner = unwrapped(inner)
	r, ok := referenceOf(inner.from)
	if !ok || len(r.rest) > 0 {
		return c
	}
	for _, item := range token.Split(inner.items, ",") {
		if !plainItem(item) {
			return c
		}
	}
	after := c.from[end+1:]
	alias := r.dataset
	if len(after) > 0 && after[0].Is("AS") {
		after = after[1:]
	}
	if len(after) > 1 {
		return c
	}
	if len(after) == 1 {
		alias = after[0].Lower()
	}
	out := c
	out.from = []token.Token{{Kind: token.Quoted, Text: r.dataset}, word("AS"), {Kind: token.Quoted, Text: alias}}
	if len(inner.where) > 0 {
		names := &dialect{names: []string{r.alias, r.dataset}}
		where := append(append([]token.Token{sign("(")}, names.plain(inner.where)...), sign(")"))
		if len(c.where) > 0 {
			where = append(append(append(where, word("AND"), sign("(")), c.where...), sign(")"))
		}
		out.where = where
	}
	return out
}

// plainItem reports whether an element of SELECT is * or a column under its own name.
func plainItem(item []token.Token) bool {
	if len(item) > 2 && item[1].Is(".") {
		item = item[2:]
	}
	switch len(item) {
	case 1:
		return item[0].Named() || item[0].Is("*")
	case 2:
		return item[0].Named() && item[1].Named() && item[0].Lower() == item[1].Lower()
	case 3:
		return item[0].Named() && item[1].Is("AS") && item[2].Named() && item[0].Lower() == item[2].Lower()
	}
	return false
}

// Dataset is a dataset, as queries are planned on it.
type Dataset struct {
	pgcatalog.Table
	Grain  calendar.Grain
	Offset time.Duration // of its periods from UTC
}

// column is a column of a name; nil: there is none.
func (d *Dataset) column(name string) *pgcatalog.Column {
	for i, c := range d.Columns {
		if c.Name == name || strings.EqualFold(c.Name, name) {
			return &d.Columns[i]
		}
	}
	return nil
}

// mentioned says what of a dataset a query names, apart from the table at i.
func (d *Dataset) mentioned(list []token.Token, i int) (star, period, entity, measure bool) {
	for j, t := range list {
		if j == i {
			continue
		}
		if t.Is("*") && j > 0 && list[j-1].Is("SELECT", ",", ".", "DISTINCT") {
			star = true
		}
		if !t.Named() || t.Lower() == d.ID {
			continue
		}
		if c := d.column(t.Lower()); c != nil {
			switch c.Kind {
			case pgcatalog.PeriodColumn:
				period = true
			case pgcatalog.MeasureColumn:
				measure = true
			case pgcatalog.EntityColumn:
				entity = true
			}
		}
	}
	return star, period, entity, measure
}

// functions are the names of aggregates that the nodes answer.
var functions = sync.OnceValue(func() []string {
	names := []string{"AQI", "PRIMARY_POLLUTANT", "COMPOSITE_INDEX", "WATER_CLASS", "SHARE_OF_TOTAL", "YEAR_ON_YEAR", "MIN", "MAX"}
	for _, f := range aggregate.Functions {
		names = append(names, f.Names...)
	}
	return names
})

// asks reports whether a list has a call of an aggregate that is of readings: of a measure, or a count of them. MIN, MAX
// and COUNT(DISTINCT …) of public columns are not.
func (d *Dataset) asks(list []token.Token) bool {
	for i, t := range list {
		if !t.Is(functions()...) || t.Kind != token.Name || i+1 >= len(list) || !list[i+1].Is("(") {
			continue
		}
		end := token.Closing(list, i+1)
		if end < 0 {
			end = len(list)
		}
		public := false
		for _, a := range list[i+2 : end] {
			if a.Named() {
				c := d.column(a.Lower())
				public = public || c != nil && c.Kind != pgcatalog.MeasureColumn
				if c != nil && c.Kind == pgcatalog.MeasureColumn {
					return true
				}
			}
		}
		counts := t.Is("COUNT") && i+2 < len(list) && list[i+2].Is("DISTINCT") && !slices.ContainsFunc(list[i+2:end], func(a token.Token) bool {
			return a.Named() && (len(d.Columns) > 0 && a.Lower() == d.Columns[0].Name || a.Lower() == "entity")
		})
		if public && (t.Is("MIN", "MAX") || counts) {
			continue
		}
		return true
	}
	return false
}

// figuresOf is a query as the nodes answer it; nil: it asks for no figure of a dataset.
func (p *planner) figuresOf(c clauses) (*figures, error) {
	r, ok := referenceOf(c.from)
	if !ok {
		return nil, nil //nolint:nilnil // it is no query on a dataset
	}
	d := p.dataset(r.dataset)
	if d == nil || !d.asks(c.items) && !d.asks(c.having) {
		return nil, nil //nolint:nilnil // likewise
	}
	if len(r.rest) > 0 && !r.rest[0].Is("JOIN", "INNER") {
		return nil, fail(stateNotSupported, "ask each dataset alone and join the rows afterwards: SELECT … FROM (SELECT …) a JOIN (SELECT …) b USING (…)",
			"figures are of one dataset, or of two that are joined USING (entity, period)")
	}
	by := &dialect{grain: d.Grain, offset: d.Offset}
	from := []token.Token{{Kind: token.Quoted, Text: d.ID}}
	if len(r.rest) == 0 {
		by.names = []string{r.alias, d.ID}
	} else {
		from = c.from
		if r.rest[0].Is("INNER") {
			from = append(slices.Clone(c.from[:len(c.from)-len(r.rest)]), r.rest[1:]...)
		}
		from = by.plain(from)
	}
	f := &figures{none: len(c.limit) == 1 && c.limit[0].Text == "0"}
	var wrong error
	dimension := func(list []token.Token, end int) (out []token.Token, epoch bool) { // what stands behind end stays
		out, epoch, err := by.bucketed(list[:end])
		if err != nil && wrong == nil {
			wrong = err
		}
		return slices.Concat(out, list[end:]), epoch
	}
	number := -1
	items := each(c.items, func(list []token.Token) []token.Token {
		number++
		list = by.plain(list)
		end := len(list)
		if at := lastAs(list, 0, end); at > 0 {
			end = at
		}
		out, epoch := dimension(list, end)
		if epoch {
			f.epochs = append(f.epochs, number)
		}
		return out
	})
	grouped := func(list []token.Token) []token.Token {
		list = by.plain(list)
		end := len(list)
		if end > 1 && list[end-1].Is("ASC", "DESC") {
			end--
		}
		out, _ := dimension(list, end)
		return out
	}
	group, order := each(c.group, grouped), each(c.order, grouped)
	if wrong != nil {
		return nil, wrong
	}
	for i, item := range token.Split(items, ",") {
		if len(item) > 3 && (item[0].Is("EXTRACT") && item[2].Is("YEAR") || item[0].Is("YEAR") && item[1].Is("(")) {
			f.years = append(f.years, i)
		}
	}
	where := periodLiterals(by.plain(c.where), by.grain, by.offset)
	whole := clauses{
		distinct: c.distinct && len(c.group) == 0, items: items, from: from, where: condition(where, d.present(c.items)), group: group,
		having: condition(by.plain(c.having), func(string) bool { return false }), order: order, limit: c.limit,
	}
	if len(whole.limit) == 1 && whole.limit[0].Is("ALL") {
		whole.limit = nil
	}
	f.sql = token.Join(whole.tokens())
	f.form = token.Join(clauses{distinct: whole.distinct, items: whole.items, from: whole.from, group: whole.group}.tokens())
	return f, nil
}

// present says of which columns IS NOT NULL changes nothing: public ones, and a measure that is the only one asked for.
func (d *Dataset) present(items []token.Token) func(string) bool {
	only, more := "", false
	for _, t := range items {
		if !t.Named() {
			continue
		}
		if c := d.column(t.Lower()); c != nil && c.Kind == pgcatalog.MeasureColumn {
			more = more || only != "" && only != c.Name
			only = c.Name
		}
	}
	return func(name string) bool {
		c := d.column(name)
		return c != nil && (c.Kind != pgcatalog.MeasureColumn || c.Name == only && !more)
	}
}
