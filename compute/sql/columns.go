package sql

import (
	"fmt"
	"slices"
	"strconv"
)

// columns are those of the result, in the order of SELECT, with what the other clauses call them.
type columns struct {
	scope   *scope
	out     *Compiled // whose Output they are
	aliases []string  // "" for none
	origins []*item
}

// show adds a column, under its alias if it has one. Those of a
// histogram have what their buckets are behind it.
func (c *columns) show(it *item, out Output) *Error {
	if len(c.out.Output) == MaxColumns {
		return faultAt(it.Pos, "", "the result has more than %d columns", MaxColumns).want(fmt.Sprintf("at most %d columns", MaxColumns))
	}
	alias := ""
	if it.Alias != nil {
		alias = it.Alias.text()
		if out.Bucket > 0 {
			alias += bucketText(c.scope.schema.Descriptor.MeasureNamed(c.out.Request.Select[out.Index].Measure), out.Bucket)
		}
		if slices.Contains(c.aliases, alias) {
			return faultAt(it.Alias.Pos, it.Alias.Raw, "two columns are called %s", alias).want("another name")
		}
		out.Name = alias
	}
	c.aliases = append(c.aliases, alias)
	c.origins = append(c.origins, it)
	c.out.Output = append(c.out.Output, out)
	return nil
}

// position reads the number of a column, from 1.
func (c *columns) position(n *number) (int, *Error) {
	i, err := strconv.Atoi(n.Raw)
	if err != nil || i < 1 || i > len(c.out.Output) {
		return 0, faultAt(n.Pos, n.Raw, "there is no column %s in SELECT", n.Raw).
			want(fmt.Sprintf("a number from 1 to %d", len(c.out.Output)))
	}
	return i - 1, nil
}

// names are what the columns are called.
func (c *columns) names() []string {
	var names []string
	for _, o := range c.out.Output {
		names = append(names, o.Name)
	}
	return names
}

// text is what a figure of the request is called.
func (c *columns) text(o Output) string {
	return c.scope.outputText(c.out.Request.Select[o.Index], o)
}

// aliased is the number of the alias n among aliases, or −1.
func aliased(n *name, aliases []string) int {
	if a, ok := match(n, aliases); ok && a != "" {
		return slices.Index(aliases, a)
	}
	return -1
}
