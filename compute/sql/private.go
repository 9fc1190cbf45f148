package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/weirdata/weir/catalog"
	say "github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/suggest"
)

// privateWord is what private vectors are written with: entity IN PRIVATE(name),
// SUM(measure * PRIVATE(name)).
const privateWord = "PRIVATE"

// weightedForms are the aggregates with private weights, as messages say them.
var weightedForms = []string{"SUM(measure * PRIVATE(name))", "SUM(PRIVATE(name))", "WAVG(measure, PRIVATE(name))"}

// selector is a condition that entities are in a private vector.
type selector struct {
	id   string
	name string
	pos  lexer.Position
	raw  string
}

// selector compiles entity IN PRIVATE(name).
func (w *conditionReader) selector(t *comparison) (parts, *Error) {
	of := t.Of
	if !nameIs(of.Func.text(), privateWord) {
		fault := faultAt(of.Func.Pos, of.Func.Raw, "IN takes a list of values, or the name of a private vector")
		fault.Nearest = suggest.Nearest(of.Func.Raw, []string{privateWord})
		return parts{}, fault.want("IN ('value', …)", "IN PRIVATE(name)")
	}
	n, fault := vectorName(privateWord, of.Arg)
	if fault != nil {
		return parts{}, fault
	}
	s := &selector{name: n.text(), pos: of.Func.Pos, raw: of.Func.Raw}
	if t.Not {
		return parts{}, s.misplaced("NOT")
	}
	if s.id, fault = w.vector(n, true); fault != nil {
		return parts{}, fault
	}
	return parts{selector: s}, nil
}

// vectorName is the name within PRIVATE(…), or another word.
func vectorName(word string, l *literal) (*name, *Error) {
	if l.Name == nil {
		return nil, faultAt(l.Pos, l.raw(), "a private vector is called by its name, without single quotes").
			want(word + "(" + writable(l.plain()) + ")")
	}
	return l.Name, nil
}

// notEntity refuses a private list of anything but entities.
func (sc *scope) notEntity(t *comparison) *Error {
	n := t.Name
	return faultAt(n.Pos, n.Raw, "a private vector is a list of entities, and %s is none", n.text()).
		want(writable(sc.entityName()) + " IN PRIVATE(name)")
}

// misplaced refuses a selector where it would not narrow the whole query.
func (s *selector) misplaced(word string) *Error {
	form := "entity IN PRIVATE(" + writable(s.name) + ")"
	return faultAt(s.pos, s.raw, "PRIVATE(%s) under %s: nobody but you knows which entities it selects, "+
		"so no node can tell which groups the condition makes; it can only narrow the whole query", s.name, word).
		want(form+" AND the other conditions", "a portfolio of the entities that are meant")
}

// twice refuses a second selector.
func (s *selector) twice() *Error {
	return faultAt(s.pos, s.raw, "the query selects by two private vectors, and one is answered at a time").
		want("one portfolio of the entities that are in both")
}

// oneVector refuses what cannot be asked of a private selection.
func (c *compiler) oneVector() *Error {
	if c.in == nil {
		return nil
	}
	if slices.ContainsFunc(c.out.Figures(), func(o *Output) bool { return o.Form == aggregate.FormEntities }) {
		return faultAt(c.in.pos, c.in.raw, "which entities of a private selection have readings is not opened, so they are not counted").want("COUNT(*)")
	}
	for i, a := range c.out.Request.Select {
		at := c.columns.origins[slices.IndexFunc(c.out.Output, func(o Output) bool {
			return slices.ContainsFunc(o.figures(), func(of *Output) bool { return of.Index == i })
		})].name()
		switch {
		case a.Weight != "":
			return faultAt(c.in.pos, c.in.raw, "the query has private weights and selects by a private vector, and one is answered at a time").
				want("weights that are 0 for the entities outside, and no selector")
		case a.Func != catalog.FuncCount && a.Func != catalog.FuncSum && a.Func != catalog.FuncAvg:
			return faultAt(at.Pos, at.Raw, "%s is not answered of a private selection", strings.ToUpper(a.Func)).
				want("COUNT", "SUM", "AVG")
		}
	}
	return nil
}

// vector finds the newest ready vector of a name on the dataset's registry.
func (sc *scope) vector(n *name, selects bool) (string, *Error) {
	var names []string
	for _, v := range sc.schema.Vectors {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	if sc.schema.Stand && selects {
		return catalog.NewVector, nil
	}
	text, known := match(n, slices.Compact(names))
	if !known {
		return "", sc.unknownVector(n, selects)
	}
	var ready, newest *catalog.Vector
	other := ""
	for i := range sc.schema.Vectors {
		v := &sc.schema.Vectors[i]
		if v.Name != text {
			continue
		}
		if v.Registry != sc.schema.Descriptor.Registry {
			other = v.Registry
			continue
		}
		if newest == nil || v.Version > newest.Version {
			newest = v
		}
		if v.State == catalog.VectorReady && (ready == nil || v.Version > ready.Version) {
			ready = v
		}
	}
	switch {
	case newest == nil:
		return "", faultAt(n.Pos, n.Raw, "%s is of registry %s, and dataset %s of %s", text, other, sc.schema.Descriptor.Dataset, sc.schema.Descriptor.Registry).
			want(sc.usable(selects)...)
	case ready == nil:
		return "", faultAt(n.Pos, n.Raw, "%s", notReady(*newest)).want(sc.usable(selects)...)
	case selects && !ready.Selects():
		return "", faultAt(n.Pos, n.Raw, "%s is a vector of weights of %d bits, which select nobody", text, ready.Bits).
			want(sc.usable(selects)...)
	case !selects && ready.Pieces > 1:
		return "", faultAt(n.Pos, n.Raw, "%s sorts entities into %d pieces, which do not weigh", text, ready.Pieces).
			want(sc.usable(selects)...)
	}
	return ready.ID, nil
}

// notReady says why a vector cannot be named.
func notReady(v catalog.Vector) string {
	text := fmt.Sprintf("%s version %d is %s", v.Name, v.Version, v.State)
	switch v.State {
	case catalog.VectorRejected:
		return text + ": " + say.Reason(v.Reason)
	case catalog.VectorDropped:
		return text
	}
	return text + ": the nodes are still checking it"
}

func (sc *scope) unknownVector(n *name, selects bool) *Error {
	fault := faultAt(n.Pos, n.Raw, "you have no private vector %s", n.text())
	usable := sc.usable(selects)
	fault.Nearest = suggest.Nearest(n.text(), usable)
	if selects && fault.Nearest == "" {
		usable = append(usable, fmt.Sprintf("%s with `--private %s=FILE.csv`, which registers it", writable(n.text()), n.text()))
	}
	return fault.want(usable...)
}

// usable are the names that would have been accepted, or how to get one.
func (sc *scope) usable(selects bool) []string {
	var out []string
	for _, v := range sc.schema.Vectors {
		if v.State == catalog.VectorReady && v.Registry == sc.schema.Descriptor.Registry && (selects && v.Selects() || !selects && v.Pieces <= 1) &&
			!slices.Contains(out, writable(v.Name)) {
			out = append(out, writable(v.Name))
		}
	}
	if out == nil {
		return []string{"a name that `weir portfolio register` gave to a file"}
	}
	slices.Sort(out)
	return out
}

// privateIn finds PRIVATE(…) among the arguments of a call.
func privateIn(call *call) *factor {
	if call == nil {
		return nil
	}
	for _, p := range call.Args {
		for _, f := range p.factors() {
			if f.private() {
				return f
			}
		}
	}
	return nil
}

func (p *product) factors() []*factor {
	out := []*factor{p.First}
	for _, t := range p.Rest {
		out = append(out, t.Factor)
	}
	return out
}

func (f *factor) private() bool {
	return f.Call != nil && f.Literal != nil && f.Literal.Name != nil && nameIs(f.Literal.Name.text(), privateWord)
}

// weighted reads an aggregate with private weights, of which f is the first.
func (sc *scope) weighted(v *value, f *factor) (catalog.Aggregate, *Error) {
	var measure, weights *factor
	args := v.Call.Args
	switch upper := strings.ToUpper(v.Name.text()); {
	case upper == "WAVG" && len(args) == 2 && len(args[0].Rest) == 0 && len(args[1].Rest) == 0:
		measure, weights = args[0].First, args[1].First
	case upper == "SUM" && len(args) == 1 && len(args[0].Rest) == 0:
		weights = args[0].First
	case upper == "SUM" && len(args) == 1 && len(args[0].Rest) == 1:
		op := args[0].Rest[0]
		if op.Op != "*" {
			return catalog.Aggregate{}, faultAt(op.Pos, op.Op, "private weights multiply a measure").want("*")
		}
		if measure, weights = args[0].First, op.Factor; measure.private() {
			measure, weights = weights, measure
		}
	case upper == "AVG":
		return catalog.Aggregate{}, faultAt(v.Name.Pos, v.Name.Raw, "an average with private weights is WAVG").want(weightedForms[2])
	case upper == "SUM" || upper == "WAVG":
		return catalog.Aggregate{}, faultAt(v.Name.Pos, v.Name.Raw, "%s takes one measure and one PRIVATE(name)", upper).want(weightedForms...)
	default:
		return catalog.Aggregate{}, faultAt(f.Pos, f.raw(), "private weights are for SUM and WAVG").want(weightedForms...)
	}
	return sc.weightedOf(v, measure, weights)
}

// weightedOf is the aggregate of a measure, nil for none, and weights.
func (sc *scope) weightedOf(v *value, measure, weights *factor) (catalog.Aggregate, *Error) {
	none := catalog.Aggregate{}
	if !weights.private() {
		return none, faultAt(weights.Pos, weights.raw(), "the weights are PRIVATE(name), and stand behind the measure").want(weightedForms[2])
	}
	args := weights.Call.Args
	if len(args) != 1 || len(args[0].Rest) > 0 || args[0].First.Literal == nil || args[0].First.Call != nil {
		return none, faultAt(weights.Pos, weights.raw(), "PRIVATE takes the name of a private vector").want("PRIVATE(name)")
	}
	n, fault := vectorName(privateWord, args[0].First.Literal)
	if fault != nil {
		return none, fault
	}
	id, fault := sc.vector(n, false)
	if fault != nil {
		return none, fault
	}
	out := catalog.Aggregate{Func: catalog.FuncSum, Weight: id}
	if nameIs(v.Name.text(), "WAVG") {
		out.Func = catalog.FuncWavg
	}
	if measure == nil {
		return out, nil
	}
	if measure.Star || measure.Call != nil || measure.Literal.Name == nil {
		return none, faultAt(measure.Pos, measure.raw(), "private weights multiply a measure").want(sc.measureNames()...)
	}
	var known bool
	if out.Measure, known = match(measure.Literal.Name, sc.measures); !known {
		return none, sc.noMeasure(measure.Literal.Name, sc.measureNames())
	}
	return out, nil
}

// vectorName is the name of a vector, or its id when the schema does not have it.
func (sc *scope) vectorName(id string) string {
	for _, v := range sc.schema.Vectors {
		if v.ID == id {
			return v.Name
		}
	}
	return id
}

// weightedText is the text of an aggregate with weights, its measure as given.
func (sc *scope) weightedText(a catalog.Aggregate, measure string) string {
	weights := "private(" + sc.vectorName(a.Weight) + ")"
	switch {
	case a.Func == catalog.FuncWavg:
		return a.Func + "(" + measure + ", " + weights + ")"
	case a.Measure == "":
		return a.Func + "(" + weights + ")"
	}
	return a.Func + "(" + measure + " * " + weights + ")"
}

// NamesVectors reports whether the text has PRIVATE(…) in it, whether or not it
// compiles: without, nobody's vectors need to be known to compile it.
func NamesVectors(sql string) bool { return len(VectorNames(sql)) > 0 }

// VectorNames are the names within PRIVATE(…) in the text, in its order, whether or
// not it compiles. An argument that is no name is an empty one.
func VectorNames(sql string) []string {
	list, fault := scan(sql)
	if fault != nil {
		return nil
	}
	var out []string
	for i, t := range list[:max(len(list)-2, 0)] {
		if t.Type != tokenName && t.Type != tokenQuoted || list[i+1].Value != "(" {
			continue
		}
		if word := (&name{Raw: t.Value}); !nameIs(word.text(), privateWord) {
			continue
		}
		text := ""
		if arg := list[i+2]; arg.Type == tokenName || arg.Type == tokenQuoted {
			text = (&name{Raw: arg.Value}).text()
		}
		out = append(out, text)
	}
	return out
}
