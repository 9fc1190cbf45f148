package financed

import (
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/pcaf"
)

// What a loan that is not covered was probably meant for: an entity of its name, or one whose
// id differs in two signs; never a distant one.
func TestUnmatchedBorrowersAreToldWhatWasMeant(t *testing.T) {
	q := question{rows: [][]string{{"91130000A", "north", "Alpha 有限公司"}, {"91130000B", "south", "Beta"}, {"77712345C", "north", "Gamma"}, {"XB1", "north", ""}}}
	for _, c := range []struct {
		id, name string
		want     []string
	}{
		{"9113000A", "", []string{"91130000A"}}, {"x", "beta", []string{"91130000B"}}, {"77712345X", "alpha 有限公司", []string{"91130000A", "77712345C"}},
		{"66600000D", "", nil}, {"A", "", nil}, {"", "Beta Ltd", nil}, {"XC2", "", nil}, {"XB2", "", []string{"XB1"}},
	} {
		if got := q.near(pcaf.Borrower{ID: c.id, Name: c.name}); !slices.Equal(got, c.want) {
			t.Errorf("%q %q: %v, want %v", c.id, c.name, got, c.want)
		}
	}
}

// Weights are not registered for a dataset that answers nothing with noise.
func TestNothingIsRegisteredWhereNoNoiseIsOffered(t *testing.T) {
	q := &question{factors: []*big.Rat{big.NewRat(1, 4)}, dataset: catalog.Dataset{Descriptor: catalog.Descriptor{Dataset: "carbon"}}}
	q.Query.Epsilon, q.Bits = "1", 20
	q.report = &Report{}
	_, err := q.settle(t.Context())
	var refused *catalog.Refusal
	if !errors.As(err, &refused) || refused.Rule != "dp" {
		t.Errorf("%v", err)
	}
}

func TestEmissionsAreInTonnes(t *testing.T) {
	for _, c := range []struct {
		m    catalog.Measure
		want *big.Rat // nil: refused
	}{
		{catalog.Measure{Unit: "kg"}, big.NewRat(1, 1000)}, {catalog.Measure{Unit: "t CO2e"}, big.NewRat(1, 1)}, {catalog.Measure{Unit: "loads", UCUM: "10*4.t"}, big.NewRat(10_000, 1)},
		{catalog.Measure{Unit: "persons"}, nil}, {catalog.Measure{Unit: "mg/L"}, nil},
	} {
		got, err := tonnes(c.m)
		if (c.want == nil) != (err != nil) || err == nil && got.Cmp(c.want) != 0 {
			t.Errorf("%+v: %v, %v", c.m, got, err)
		}
	}
}
