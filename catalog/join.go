package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// FuncProduct sums the product of a measure of the dataset and one of the dataset
// that is joined to it, cell by cell. Aggregate.Other is the second one's name with
// that of its dataset and a point before it. It is granted by sum, on both sides:
// what else it takes is that the two descriptors name each other in joins.
const FuncProduct = "product"

// Join names the second dataset of a request (DESIGN section 8, point 6): cells of
// both belong together by entity and period.
type Join struct {
	Dataset  string `json:"dataset"`
	Release  int    `json:"release,omitempty"`  // 0: the newest live one when applied
	Contract string `json:"contract,omitempty"` // on the second dataset; empty: one's own
}

// JoinedRelease is the second dataset of a verdict. Times of a column is one of its
// measures, named as JoinedMeasure does.
type JoinedRelease struct {
	Dataset string `json:"dataset"`
	Release int    `json:"release"`
}

// JoinedMeasure is how a measure of a second dataset is called beside those of the
// first. No measure has a point in its own name.
func JoinedMeasure(dataset, measure string) string { return dataset + "." + measure }

// ownMeasure is the name that a joined measure has in its dataset.
func ownMeasure(name string) string { return name[strings.IndexByte(name, '.')+1:] }

// Joined reports whether the column multiplies with a measure of a second dataset.
func (c Column) Joined() bool { return strings.Contains(c.Times, ".") }

// JoinDescriptors is what a joined query is compiled, planned and shown by: the
// first dataset's descriptor with the measures of the second behind its own.
func JoinDescriptors(first, second Descriptor) Descriptor {
	out := first
	out.Measures = slices.Clone(first.Measures)
	for _, m := range second.Measures {
		m.Name, m.Squares, m.Buckets = JoinedMeasure(second.Dataset, m.Name), false, nil
		out.Measures = append(out.Measures, m)
	}
	return out
}

// Reach is the greatest magnitude of a reading itself, in units of 10^-Decimals.
func (m Measure) Reach() int64 { return max(m.Max, -m.Min) }

// checkJoin refuses what is not asked of two datasets, or only of two.
func (q Request) checkJoin() *Refusal {
	for i, a := range q.Select {
		field := fmt.Sprintf("select[%d]", i)
		product := a.Func == FuncProduct
		switch {
		case product && q.Join == nil:
			return invalid(field, "a product takes a measure of a second dataset, and none is joined")
		case q.Join != nil && !product && (a.Func != "count" || a.Measure != ""):
			return invalid(field, "of two joined datasets %.40q is not answered", a.Func).
				withFix("ask for SUM(x.measure * y.measure) and COUNT(*)")
		case product && !strings.HasPrefix(a.Other, q.Join.Dataset+"."), product && strings.Contains(a.Measure, "."):
			return invalid(field, "a product is of a measure of %.80q and one of %.80q", q.Dataset, q.Join.Dataset)
		}
	}
	switch {
	case q.Join == nil:
		return nil
	case q.Join.Dataset == q.Dataset:
		return invalid("join", "dataset %s is joined to itself", q.Dataset)
	case q.Join.Release < 0:
		return invalid("join.release", "release %d", q.Join.Release)
	case q.In != "" || len(q.vectors()) > 0:
		return invalid("join", "private vectors are not answered on joined datasets by this version").withFix("ask without PRIVATE")
	case q.Noise != nil:
		return invalid("noise", "noise is not answered on joined datasets by this version").withFix("ask without --epsilon")
	}
	return nil
}

// ofFirst and ofSecond are a request as the contract on each dataset sees it.
func (q Request) ofFirst() Request {
	q.Select = slices.Clone(q.Select)
	for i := range q.Select {
		if q.Select[i].Func == FuncProduct {
			q.Select[i].Other = ""
		}
	}
	return q
}

func (q Request) ofSecond() Request {
	out := q.ofFirst()
	out.Dataset, out.Release, out.Join = q.Join.Dataset, q.Join.Release, nil
	for i, a := range q.Select {
		if a.Func == FuncProduct {
			out.Select[i].Measure = ownMeasure(a.Other)
		}
	}
	return out
}

// OfDataset is a request as the contract on one of its datasets sees it.
func (q Request) OfDataset(id string) Request {
	switch {
	case q.Join == nil:
		return q
	case q.Join.Dataset == id:
		return q.ofSecond()
	}
	return q.ofFirst()
}

// joinedAt is the request with the second dataset's release named.
func (q Request) joinedAt(release int) Request {
	if q.Join != nil {
		j := *q.Join
		j.Release = release
		q.Join = &j
	}
	return q
}

// joinable refuses two datasets that may not be joined.
func joinable(a, b Dataset) *Refusal {
	x, y := a.Descriptor, b.Descriptor
	differ := func(what, first, second string) *Refusal {
		r := refuse(RefusedInvalid, "join_shape", "datasets %s and %s cannot be joined: the %s of one is %s, of the other %s", a.ID, b.ID, what, first, second).
			withFix("join datasets that share it; weir dataset list shows them")
		r.Field = "join"
		return r
	}
	no := func(format string, args ...any) *Refusal {
		r := refuse(RefusedPolicy, "joins", format, args...)
		r.Field = "join"
		return r
	}
	switch {
	case x.Registry != y.Registry:
		return differ("registry", x.Registry, y.Registry)
	case x.Grain != y.Grain:
		return differ("grain", string(x.Grain), string(y.Grain))
	case x.UTCOffset != y.UTCOffset:
		return differ("utc_offset", x.UTCOffset, y.UTCOffset)
	case x.Policy.Public && y.Policy.Public:
		return nil
	case x.Policy.Public || y.Policy.Public:
		return no("dataset %s is public and %s is not: sums weighted by numbers that everybody knows are not released exactly", publicOf(a, b), protectedOf(a, b)).
			withFix("join protected datasets with each other, or public ones")
	case a.Owner == b.Owner:
		return no("datasets %s and %s are of one publisher: products of its own measures are moments of one dataset", a.ID, b.ID).
			withFix("ask its publisher to publish both measures in one dataset, with moments")
	case !slices.Contains(x.Policy.Joins, b.ID):
		return no("dataset %s does not name %s in its policy's joins", a.ID, b.ID).
			withFix("its publisher would have to list it: a joined publisher is trusted with the readings")
	case !slices.Contains(y.Policy.Joins, a.ID):
		return no("dataset %s does not name %s in its policy's joins", b.ID, a.ID).
			withFix("its publisher would have to list it: a joined publisher is trusted with the readings")
	case x.Policy.Grain != y.Policy.Grain:
		return differ("policy's grain", string(x.Policy.Grain), string(y.Policy.Grain))
	case x.Policy.Grain != x.Grain:
		return no("datasets %s and %s have one cell a %s and release whole periods of one %s: in which cells both have a reading is not in the ledger", a.ID, b.ID, x.Grain, x.Policy.Grain).
			withFix("joins take datasets whose policy's grain is their own")
	}
	return nil
}

func publicOf(a, b Dataset) string {
	if a.Descriptor.Policy.Public {
		return a.ID
	}
	return b.ID
}

func protectedOf(a, b Dataset) string {
	if a.Descriptor.Policy.Public {
		return b.ID
	}
	return a.ID
}
