package buyer

import (
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/ask"
)

func TestAnAnswerSaysWhatItCostAndWhatIsLeft(t *testing.T) {
	contract := func(queries, used int, budget, spent string) catalog.Contract {
		k := catalog.Contract{ID: "c-1", Used: used, Spent: spent}
		k.Queries, k.Budget, k.Price = queries, budget, &catalog.Price{PerQuery: "2.50", Currency: "CNY"}
		return k
	}
	for _, c := range []struct {
		result   ask.Result
		contract catalog.Contract
		want     string
	}{
		{ask.Result{Query: catalog.Query{Price: "2.50"}}, contract(10, 3, "100", "7.50"), "it cost 2.50 CNY; contract c-1 has 7 queries and 92.50 CNY left"},
		{ask.Result{Query: catalog.Query{Price: "2.50"}}, contract(0, 3, "", "7.50"), "it cost 2.50 CNY; contract c-1 has no limit"},
		{ask.Result{Query: catalog.Query{Repeats: "q-7"}}, contract(4, 3, "", ""), "it cost nothing, as it repeats q-7; contract c-1 has 1 query left"},
		{ask.Result{Query: catalog.Query{ID: "q-8", Price: "2.50"}, Again: true}, contract(4, 3, "", ""), "it cost nothing, as it repeats q-8; contract c-1 has 1 query left"},
		{ask.Result{Query: catalog.Query{}}, contract(0, 0, "9", "0"), "it cost nothing; contract c-1 has 9.00 CNY left"},
	} {
		if got := accountWords(&c.result, c.contract); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
