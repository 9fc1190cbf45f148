package dcat

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

var update = flag.Bool("update", false, "write golden files anew")

// guarded is the example with every field of a policy.
func guarded() (catalog.Cluster, Listing) {
	c, l := example()
	l.Dataset.Descriptor.Policy = catalog.Policy{
		Aggregates: []string{"count", "sum"}, Grain: calendar.Month, MinCohort: 5, MinCoverage: "0.8",
		Cubes: [][]string{{"county"}, {"industry", "size"}}, Moments: [][2]string{{"nox", "nox"}}, Joins: []string{"energy"},
		Related: [][]string{{"nox", "old.nox_t"}}, Unrelated: []string{"plants"}, Portfolios: 2, PortfolioChange: catalog.PortfolioNever,
		DP: &catalog.DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "5", EpsilonFamily: "10", Delta: "1e-9"},
	}
	return c, l
}

// agreed is a contract on it that asks for less than the policy grants.
func agreed(l Listing) catalog.Contract {
	return catalog.Contract{
		ID: "c-1", Buyer: "p-2", Publisher: "p-1", Dataset: "works", Purpose: "credit risk", Measures: []string{"nox"}, Aggregates: []string{"sum"},
		From: 0, Until: 86_400_000, MinCohort: 8, Epsilon: "2.5", Price: l.Dataset.Descriptor.Price, State: catalog.ContractActive,
	}
}

func TestPoliciesAreWrittenLikeTheGoldenFiles(t *testing.T) {
	cluster, l := guarded()
	agreement, err := Agreement(cluster, agreed(l), l.Dataset, "Bank", "Bureau")
	if err != nil {
		t.Fatal(err)
	}
	offer, err := json.Marshal(builder{base: base(cluster)}.offer(l))
	if err != nil {
		t.Fatal(err)
	}
	for file, doc := range map[string][]byte{"testdata/offer.json": offer, "testdata/agreement.json": agreement} {
		var out bytes.Buffer
		if err := json.Indent(&out, doc, "", "  "); err != nil {
			t.Fatal(err)
		}
		out.WriteByte('\n')
		if *update {
			if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(golden, out.Bytes()) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, out.Bytes(), golden)
		}
	}
}

// An independent processor understands the policy's own terms, lists of lists
// included.
func TestEveryFieldOfAPolicyIsAStatement(t *testing.T) {
	cluster, l := guarded()
	doc, err := Catalog(cluster, []Listing{l}, Part{})
	if err != nil {
		t.Fatal(err)
	}
	all := triples(t, doc)
	const policy = "https://n1:8000/v1/datasets/works#policy"
	for _, p := range []string{"cubes", "moments", "joins", "related", "unrelated"} {
		if len(objects(all, policy, vocabulary+p)) != 1 {
			t.Errorf("the policy says nothing of %s", p)
		}
	}
	for _, want := range []string{"old.nox_t", "energy", "plants", "size", "0.8", "never", "1e-9"} {
		if !slices.ContainsFunc(all, func(t triple) bool { return t.o == want }) {
			t.Errorf("nothing says %s", want)
		}
	}
	for _, operand := range []string{"minCohort", "minCoverage", "portfolioOwners", "portfolioChange", "epsilonPerQuery", "epsilonPerContract", "epsilonFamily", "delta", "aggregateFunction"} {
		if !slices.ContainsFunc(all, func(t triple) bool { return t.p == nsODRL+"leftOperand" && t.o == vocabulary+operand }) {
			t.Errorf("no constraint is on %s", operand)
		}
	}
}

func TestAgreementNarrowsThePolicy(t *testing.T) {
	cluster, l := guarded()
	k := agreed(l)
	doc, err := Agreement(cluster, k, l.Dataset, "Bank", "Bureau")
	if err != nil {
		t.Fatal(err)
	}
	all := triples(t, doc)
	for text, want := range map[string]bool{"8": true, "5": false, "2.5": true, "0.5": true, "count": false} {
		if said := slices.ContainsFunc(all, func(t triple) bool { return t.o == text }); said != want {
			t.Errorf("%s is said: %t", text, said)
		}
	}
	l.Dataset.Descriptor.Policy = catalog.Policy{Aggregates: []string{"sum"}, Grain: calendar.Month, Public: true}
	if doc, err = Agreement(cluster, k, l.Dataset, "Bank", "Bureau"); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(triples(t, doc), func(t triple) bool { return t.o == "8" }) {
		t.Error("nothing says that groups have 8 entities, by a contract on public data")
	}
	if l.Dataset.Descriptor.Policy.DP != nil {
		t.Error("the dataset was changed")
	}
}
