package catalog

import (
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
)

func TestPiecesAreAskedWithinTheirPartitionAndExactly(t *testing.T) {
	d := testDescriptor("emissions")
	columns := []string{"county", "industry"}
	piece := Dimension{Kind: DimPiece}
	good := sumBy(attr("county"), piece)
	good.In = "v-mine"
	if r := good.Check(d, columns); r != nil {
		t.Fatal(r)
	}
	for name, change := range map[string]func(q *Request){
		"within nothing":      func(q *Request) { q.In = "" },
		"with noise":          func(q *Request) { q.Noise = &Noise{Epsilon: "1"} },
		"twice":               func(q *Request) { q.By = append(q.By, piece) },
		"of a column":         func(q *Request) { q.By[1].Column = "county" },
		"of a grain":          func(q *Request) { q.By[1].Grain = calendar.Month },
		"of weights":          func(q *Request) { q.In, q.Select = "", []Aggregate{{Func: "sum", Weight: "v-mine"}} },
		"of nothing to count": func(q *Request) { q.Select = nil },
	} {
		q := good
		q.By = slices.Clone(good.By)
		change(&q)
		if r := q.Check(d, columns); r == nil || r.Kind != RefusedInvalid {
			t.Errorf("pieces %s: %+v", name, r)
		}
	}
}
