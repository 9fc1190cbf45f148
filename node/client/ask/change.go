package ask

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// Change is a query like a refused one that passes.
type Change struct {
	Words   string         // what is done, in English
	Fix     catalog.Reason // the code of it
	SQL     string         // of the query
	Options Options        // how it is asked
	Explain wire.Explained
}

// Advised are the changes that a refusal advises, the smallest first, as far as they are changes of the SQL
// or of how it is asked. Each was explained: it would be answered. Nothing is charged. None: the refusal
// advises none of these, or err is no refusal.
func Advised(ctx context.Context, c *client.Client, text string, o Options, err error) ([]Change, error) {
	refused, ok := client.IsRefused(err)
	if !ok {
		return nil, nil
	}
	var out []Change
	for _, fix := range refused.Fix {
		changed, ok, err := follow(ctx, c, text, o, fix)
		if err != nil {
			return nil, err
		}
		if !ok || slices.ContainsFunc(out, func(other Change) bool { return same(other, changed) }) {
			continue
		}
		changed.Explain, err = Explain(ctx, c, changed.SQL, changed.Options)
		if _, no := client.IsRefused(err); no {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, changed)
	}
	return out, nil
}

func same(a, b Change) bool {
	return a.SQL == b.SQL && a.Options.Partial == b.Options.Partial && a.Options.Complete == b.Options.Complete &&
		a.Options.AsOf == b.Options.AsOf && a.Options.Epsilon == b.Options.Epsilon
}

// follow makes of a query what a fix advises; false: it is nothing that is done to a query.
func follow(ctx context.Context, c *client.Client, text string, o Options, fix catalog.Reason) (Change, bool, error) {
	if fix.Code == "fix.smallest_change" && len(fix.Parts) == 1 {
		fix = fix.Parts[0]
	}
	out := Change{Words: explain.Reason(fix), Fix: fix, SQL: text, Options: o}
	arg := ""
	if len(fix.Args) > 0 {
		arg = fix.Args[0]
	}
	switch fix.Code {
	case "fix.epsilon", "fix.or_epsilon":
		out.Options.Epsilon = arg
		return out, arg != "", nil
	case "fix.as_of":
		version, err := strconv.Atoi(arg)
		out.Options.AsOf, out.Options.Newest = version, false
		return out, err == nil, nil
	case "fix.partial":
		out.Options.Partial, out.Options.Complete = true, false
		return out, true, nil
	case "fix.incomplete":
		out.Options.Complete = false
		return out, true, nil
	}
	d, before, err := CompileFor(ctx, c, text, o.NewPortfolio)
	if err != nil {
		return out, false, err
	}
	entity := d.Descriptor.Entity
	changed, ok := sql.Changed(text, fix, entity)
	if !ok {
		return out, false, nil
	}
	_, after, err := CompileFor(ctx, c, changed, o.NewPortfolio)
	if _, fault := errors.AsType[*sql.Error](err); fault { // it was cut wrongly
		return out, false, nil
	}
	if err != nil || !after.Follows(before, fix, entity) {
		return out, false, err
	}
	if partly(fix) {
		out.Options.Partial, out.Options.Complete = true, false
	}
	out.SQL = changed
	return out, true, nil
}

// partly reports whether a change takes rows that cover too little.
func partly(change catalog.Reason) bool {
	return change.Code == "change.partial" || slices.ContainsFunc(change.Parts, partly)
}
