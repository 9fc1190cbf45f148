package panel

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// Of a registry that exists, a file's attributes must be the registry's, wherever it has
// such a column; each entity is told of once.
func TestAttributesAreHeldAgainstTheRegistry(t *testing.T) {
	src, err := ReadDescriptor("d.yaml", strings.NewReader(`
dataset: evolve
title: {en: x}
license: internal
entity: {column: plant, attributes: [county, owner]}
period: {column: month, grain: month}
utc_offset: "+08:00"
measures:
  - {name: nox, column: NOX, unit: kg, range: [0, 1000], decimals: 1}
policy: {aggregates: [count, sum], public: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	src.Registry = "evolve"
	read := func(csv string) error {
		_, _, err := Read(t.Context(), src, []string{"p1", "p2"}, []File{{Name: "f.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}},
			Options{Attributes: [][]string{{"north", "a"}, {"south", "b"}}})
		return err
	}
	for _, csv := range []string{
		"plant,county,owner,month,NOX\np1,north,a,2024-01,1\np2,south,b,2024-01,1\n",
		"plant,owner,month,NOX\np1,a,2024-01,1\n",
		"plant,month,NOX\np1,2024-01,1\n",
	} {
		if err := read(csv); err != nil {
			t.Errorf("%q: %v", csv, err)
		}
	}
	err = read("plant,county,month,NOX\np1,south,2024-01,1\np1,south,2024-02,1\np2,south,2024-01,1\n")
	var faults *Errors
	if !errors.As(err, &faults) || faults.Total != 1 || len(faults.List) != 1 {
		t.Fatalf("got %v", err)
	}
	if f := faults.List[0]; f.Row != 2 || f.Column != "county" || !strings.Contains(f.Message, `"south" for "p1", but "north" in the registry`) {
		t.Errorf("got %+v", f)
	}
}
