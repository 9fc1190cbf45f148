package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// Join names the second dataset of a request (RELEASE.md section 5): cells of
// both belong together by entity and period.
type Join struct {
	Dataset  string `json:"dataset"`
	AsOf     int    `json:"release,omitempty"`  // 0: the newest live one when applied
	Contract string `json:"contract,omitempty"` // on the second dataset; empty: one's own
}

// JoinedVersion is the second dataset of a verdict. Times of a column is one of its
// measures, named as JoinedMeasure does.
type JoinedVersion struct {
	Dataset string `json:"dataset"`
	Version int    `json:"release"`
	Amended int    `json:"amended,omitempty"` // as the verdict's, of this dataset's descriptor
}

// JoinedMeasure is how a measure of a second dataset is called beside those of the
// first. No measure has a point in its own name.
func JoinedMeasure(dataset, measure string) string { return dataset + "." + measure }

// OwnMeasure is the name that a joined measure has in its dataset.
func OwnMeasure(name string) string { return name[strings.IndexByte(name, '.')+1:] }

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
			return Invalid(field, "join.product_alone")
		case q.Join != nil && !product && (a.Func != "count" || a.Measure != ""):
			return Invalid(field, "join.function", a.Func)
		case product && !strings.HasPrefix(a.Other, q.Join.Dataset+"."), product && strings.Contains(a.Measure, "."):
			return Invalid(field, "join.product_measures", q.Dataset, q.Join.Dataset)
		}
	}
	switch {
	case q.Join == nil:
		return nil
	case q.Join.Dataset == q.Dataset:
		return Invalid("join", "join.itself", q.Dataset)
	case q.Join.AsOf < 0:
		return Invalid("join.release", "request.release", q.Join.AsOf)
	case q.In != "" || len(q.Vectors()) > 0:
		return Invalid("join", "join.private")
	case q.Noise != nil:
		return Invalid("noise", "join.noise")
	}
	return nil
}

// ofFirst is a request as the contract on the first dataset sees it.
func (q Request) ofFirst() Request {
	q.Select = slices.Clone(q.Select)
	for i := range q.Select {
		if q.Select[i].Func == FuncProduct {
			q.Select[i].Other = ""
		}
	}
	return q
}

// OfSecond is the request of a join as the contract on the second dataset sees it.
func (q Request) OfSecond() Request {
	out := q.ofFirst()
	out.Dataset, out.AsOf, out.Join = q.Join.Dataset, q.Join.AsOf, nil
	for i, a := range q.Select {
		if a.Func == FuncProduct {
			out.Select[i].Measure = OwnMeasure(a.Other)
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
		return q.OfSecond()
	}
	return q.ofFirst()
}

// JoinedAt is the request with the second dataset's version named.
func (q Request) JoinedAt(version int) Request {
	if q.Join != nil {
		j := *q.Join
		j.AsOf = version
		q.Join = &j
	}
	return q
}

// JoinedQuery is a query's second dataset, and what its contract was charged.
type JoinedQuery struct {
	Dataset  string `json:"dataset"`
	Version  int    `json:"release"`
	Contract string `json:"contract"`
	Price    string `json:"price,omitempty"`
}

// JoinedDecision is what a decision says of a query's second dataset.
type JoinedDecision struct {
	JoinedQuery
	Manifest Digest `json:"manifest"`
	Presence Digest `json:"presence"`
	Currency string `json:"currency,omitempty"`
	// Layers are the versions of the second dataset that the answer is computed from, where
	// it is not the version alone.
	Layers []DecidedLayer `json:"layers,omitempty"`
}
