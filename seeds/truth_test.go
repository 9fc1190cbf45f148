package seeds

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestThePlaintextHasPresentCellsOfThePeriod(t *testing.T) {
	registry := "id,county\na,north\nb,south\nc,north\nd,empty\n"
	data := "who,period,x\na,2024-01,1.5\nb,2024-02,2\nc,2024-12,0.25\nd,2024-01,\na,2023-12,100\nb,20241,100\n"
	read := func(registry, data string) (truth, error) {
		from := func(text string) func(io.Writer) error {
			return func(w io.Writer) error {
				_, err := io.WriteString(w, text)
				return err
			}
		}
		return byAttributes(from(registry), from(data), "who", "x", "2024", "county")
	}
	plain, err := read(registry, data)
	if err != nil {
		t.Fatal(err)
	}
	of := func(county string) string {
		sum, count := plain[[2]string{county, "x"}].sum()
		return fmt.Sprint(sum.FloatString(2), " of ", count)
	}
	if len(plain) != 2 || of("north") != "1.75 of 2" || of("south") != "2.00 of 1" {
		t.Errorf("plaintext %v: north %s, south %s", plain, of("north"), of("south"))
	}
	north := plain[[2]string{"north", "x"}]
	if m := north.mean().FloatString(3); m != "0.875" {
		t.Errorf("mean %s, want 0.875", m)
	}
	if share := north.above(big.NewRat(1, 4)); share.Cmp(big.NewRat(1, 2)) != 0 {
		t.Errorf("%s above a quarter, want one of two", share)
	}
	for name, c := range map[string][2]string{
		"no attribute":   {"id\na\n", data},
		"no measure":     {registry, "who,period\n"},
		"unknown entity": {registry, "who,period,x\nz,2024,1\n"},
		"no number":      {registry, "who,period,x\na,2024,much\n"},
		"ragged":         {registry, "who,period,x\na,2024\n"},
		"empty":          {"", data},
	} {
		if _, err := read(c[0], c[1]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestPipedPassesErrorsBothWaysAndLeavesNothingRunning(t *testing.T) {
	errWrite, errRead := errors.New("write"), errors.New("read")
	err := piped(func(io.Writer) error { return errWrite }, func(r io.Reader) error {
		_, err := io.ReadAll(r)
		return err
	})
	if !errors.Is(err, errWrite) {
		t.Errorf("error of the writer: %v", err)
	}
	g := newGenerator(t, Options{})
	if err := piped(g.WriteAirDaily, func(io.Reader) error { return errRead }); !errors.Is(err, errRead) {
		t.Errorf("error of the reader: %v", err)
	}
	if err := piped(g.WriteAirDaily, func(io.Reader) error { return nil }); err != nil {
		t.Errorf("a reader that stops early: %v", err)
	}
}

func TestAirIndexByHand(t *testing.T) {
	// Two units, three days, one missing cell. Means: pm25 35, pm10 70, so2 30,
	// no2 20. City days of CO 1, 2, 3: the 95th percentile at rank 2.9 is 2.9.
	// City days of O3 100, 200, 160 (one unit present): at rank 2.8, 192.
	data := `district,period,pm25,pm10,so2,no2,co,o3_8h
a,2024-01-01,30,60,30,20,0.5,80
b,2024-01-01,40,80,30,20,1.5,120
a,2024-01-02,35,70,30,20,2.0,200
b,2024-01-02,35,70,30,20,2.0,200
a,2024-01-03,35,70,30,20,3.0,160
b,2024-01-03,35,70,30,20,3.0,
a,2023-01-03,999,999,999,999,99,999
`
	x, err := AirIndex(strings.NewReader(data), "2024")
	if err != nil {
		t.Fatal(err)
	}
	if got := x.CO95.FloatString(3) + " " + x.O390.FloatString(3); got != "2.900 192.000" {
		t.Errorf("percentiles %s", got)
	}
	if got := x.Part.FloatString(3) + " " + x.Whole.FloatString(3); got != "3.000 4.925" {
		t.Errorf("index %s", got) // 1 + 1 + 0.5 + 0.5, then 0.725 and 1.2
	}
	for name, bad := range map[string]string{
		"no such year": data, "no column": "period,pm25\n", "no number": strings.Replace(data, ",120", ",x", 1),
	} {
		year := "2024"
		if name == "no such year" {
			year = "2019"
		}
		if _, err := AirIndex(strings.NewReader(bad), year); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	one, err := AirIndex(strings.NewReader("period,pm25,pm10,so2,no2,co,o3_8h\n2024-01-01,35,70,60,40,4,160\n"), "2024")
	if err != nil || one.Whole.FloatString(2) != "6.00" {
		t.Errorf("one day at the limits: %v, %v", one.Whole, err)
	}
}
