package panel

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

const cappedSource = `
dataset: plants
title: {en: x}
license: internal
entity: {column: plant, attributes: [permit], numbers: [permit]}
period: {column: month, grain: month}
utc_offset: "+08:00"
measures:
  - {name: nox, column: NOX, unit: kg, range: [0, 1000], decimals: 1}
  - {name: so2, column: SO2, unit: kg, range: [0, 1000], decimals: 1}
policy:
  min_cohort: 2
  dp: {epsilon_per_query: 1, epsilon_per_contract: 10, epsilon_family: 20, delta: 1e-9}
  caps: {nox: permit}
`

const cappedFile = "plant,permit,month,NOX,SO2\np1,10,2024-01,10,900\np2,2.25,2024-01,2.2,900\np3,,2024-01,1000,900\np1,10,2024-02,10.1,1\np2,2.25,2024-02,2.3,1\n"

func readCapped(t *testing.T, descriptor, csv string, registry []string, o Options) (*Panel, error) {
	t.Helper()
	src, err := ReadDescriptor("d.yaml", strings.NewReader(descriptor))
	if err != nil {
		t.Fatal(err)
	}
	if registry != nil {
		src.Registry = "plants"
	}
	p, _, err := Read(t.Context(), src, registry, []File{{Name: "f.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}}, o)
	return p, err
}

// Every reading above its entity's cap is a fault with file, row and column, or is clipped and
// counted; whoever has no number as its attribute has the range.
func TestReadingsAreHeldAgainstTheirCaps(t *testing.T) {
	_, err := readCapped(t, cappedSource, cappedFile, nil, Options{})
	var faults *Errors
	if !errors.As(err, &faults) || faults.Total != 2 {
		t.Fatalf("got %v", err)
	}
	for i, want := range []string{"f.csv:5", "f.csv:6"} {
		f := faults.List[i]
		if fmt.Sprintf("%s:%d", f.File, f.Row) != want || f.Column != "NOX" || !strings.Contains(f.Want, "above_cap: clip") {
			t.Errorf("fault %+v, want %s", f, want)
		}
	}
	if !strings.Contains(faults.List[1].Message, `2.3 is above the cap of "p2", 2.2 kg, which is its permit`) {
		t.Errorf("it says %q", faults.List[1].Message)
	}

	for name, csv := range map[string]string{
		"rows of all measures": cappedFile,
	} {
		p, err := readCapped(t, strings.Replace(cappedSource, "caps:", "above_cap: clip\n  caps:", 1), csv, nil, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer p.Close() //nolint:errcheck // a test's
		got := make([]int64, 6)
		if err := p.Read(0, 0, got); err != nil {
			t.Fatal(err)
		}
		mid := p.Columns[0].Measure.Mid()
		for i, want := range []int64{100, 22, 10_000, 100, 22} {
			if got[i]+mid != want {
				t.Errorf("%s: cell %d is %d, want %d", name, i, got[i]+mid, want)
			}
		}
		if n := p.Report.Measures; n[0].Clipped != 2 || n[1].Clipped != 0 {
			t.Errorf("%s: counted %+v", name, n)
		}
	}
}

// Of rows of one measure each likewise, in both of their groups of columns, and of a registry that exists by the caps
// that are given.
func TestCapsOfOtherShapes(t *testing.T) {
	long := strings.Replace(cappedSource, "measures:", "parameter: {column: what, value: v}\nmeasures:", 1)
	csv := "plant,permit,month,what,v\np1,10,2024-01,NOX,11\np1,10,2024-01,SO2,900\np2,3,2024-01,NOX,3\n"
	_, err := readCapped(t, long, csv, nil, Options{})
	var faults *Errors
	if !errors.As(err, &faults) || faults.Total != 1 || faults.List[0].Row != 2 {
		t.Errorf("a long table: %v", err)
	}
	plain := "plant,month,NOX,SO2\np1,2024-01,10,9\np2,2024-01,7,9\n"
	if _, err := readCapped(t, cappedSource, plain, []string{"p1", "p2"}, Options{}); !errors.Is(err, ErrNoRegistry) {
		t.Errorf("without caps: %v", err)
	}
	_, err = readCapped(t, cappedSource, plain, []string{"p1", "p2"}, Options{Caps: [][]int64{{100, 60}, nil}})
	if faults = nil; !errors.As(err, &faults) || faults.Total != 1 || faults.List[0].Row != 3 {
		t.Errorf("of a registry that exists: %v", err)
	}
}

// The guide's example of caps is a descriptor.
func TestTheGuidesExampleOfCapsIsOne(t *testing.T) {
	_, section, _ := strings.Cut(descriptorGuide(t), "### Caps")
	_, block, _ := strings.Cut(section, "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	src, err := ReadDescriptor("DESCRIPTOR.md", strings.NewReader(block))
	if err != nil || src.Descriptor.Policy.Caps["nox"] != "permit" {
		t.Fatalf("got %v", err)
	}
}
