package result

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/noise"
	"github.com/weirdata/weir/compute/plan/plantest"
)

// A noised figure may leave the range by what noise there may be and no more,
// and says how far off it may be; an exact one may not.
func TestNoisedTableAllowsForTheNoiseAndStatesIt(t *testing.T) {
	const nodes = 2
	p, plan := plantest.NoisedReadings(catalog.Noise{Epsilon: "0.25", Delta: "1e-9"})
	_, c := queryOfFew()
	sums := p.Run(plan)
	in := inputOf(p, t, sums)
	in.Nodes = nodes
	_, tail, err := plan.Room(p.Descriptor, nodes)
	if err != nil {
		t.Fatal(err)
	}
	m := p.Descriptor.Measures[plan.Columns[0]]
	sums[0] += tail.Int64()
	if _, err := NewTable(c, in); err != nil {
		t.Errorf("noise within its tail: %v", err)
	}
	sums[0] += (m.Max - m.Min) * int64(p.Version.Entities*p.Version.Periods+1)
	var fault *CheckError
	if _, err := NewTable(c, in); !errors.As(err, &fault) {
		t.Errorf("beyond range and noise: %v", err)
	}
	in.Sums = p.Run(plan)
	table, err := NewTable(c, in)
	if err != nil {
		t.Fatal(err)
	}
	text := plantest.Must(noise.Describe(plan.Noise[0], nodes, m.Decimals))
	if table.Noise == nil || table.Noise.Epsilon != "0.25" || table.Noise.Sums[0].Description != text || len(table.Interval95) != len(table.Rows) {
		t.Fatalf("table %+v", table.Noise)
	}
	var csv, words, js bytes.Buffer
	for _, err := range []error{table.WriteCSV(&csv), table.WriteText(&words), table.WriteJSON(&js)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if head, _, _ := strings.Cut(csv.String(), "\n"); !strings.Contains(head, "_interval95") {
		t.Errorf("CSV %s", csv.String())
	}
	for _, want := range []string{" ± ", "noised: epsilon 0.25, delta 1e-9", "discrete_gaussian", text.StandardDeviation, "from each of 2 nodes"} {
		if !strings.Contains(words.String(), want) {
			t.Errorf("no %q in\n%s", want, words.String())
		}
	}
	for _, want := range []string{`"interval95":[[`, `"standard_deviation":"` + text.StandardDeviation, `"epsilon":"0.25"`} {
		if !strings.Contains(js.String(), want) {
			t.Errorf("no %s in %s", want, js.String())
		}
	}
	// One reading from −10.0 to 10.1: noise of hundreds makes all of that possible, and no more.
	if got := table.Possible95[2]; got[2] != [2]string{"-10.0", "10.1"} || got[3] != [2]string{"-10.000000000000", "10.100000000000"} || got[4] != nil {
		t.Errorf("of one reading: %v", got)
	}
	for text, want := range map[string]string{words.String(): " [-10.0, 10.1]", csv.String(): ",-10.0,10.1,", js.String(): `["-10.0","10.1"]`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	in.Verdict.Noise = nil // an exact verdict with a noised plan
	if _, err := NewTable(c, in); err == nil {
		t.Error("a noised plan was taken for an exact verdict")
	}
}

// What was clipped at caps is told beside every figure of it, also an exact one, and beside no other.
func TestTableSaysWhatWasClippedAtCaps(t *testing.T) {
	p, c := queryOfFew()
	p.Descriptor.Policy.Caps = map[string]string{"m": "permit", "n": "permit"}
	in := inputOf(p, t, p.Sums())
	words := func() string {
		table, err := NewTable(c, in)
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if err := table.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	const said = "readings of m above their entity's cap were published as the cap"
	if got := words(); strings.Contains(got, "cap") {
		t.Errorf("nothing is clipped:\n%s", got)
	}
	in.Descriptor.Policy.AboveCap = catalog.AboveCapClip
	if got := words(); !strings.Contains(got, said) {
		t.Errorf("no %q in\n%s", said, got)
	}
}
