package result

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sampleTable() *Table {
	return &Table{
		Query: "q1",
		Columns: []Column{
			{Name: "区县", Type: TypeText}, {Name: "month", Type: TypePeriod},
			{Name: "avg(pm25)", Type: TypeDecimal, Unit: "µg/m³"}, {Name: "count(pm25)", Type: TypeInteger},
		},
		Rows: [][]any{
			{"桃城区", "2024-01", "41.500000000000", int64(744)}, {"a, \"b\"\n", "2024-02", nil, int64(0)},
		},
		Withheld: 2, Groups: []WithheldGroup{{Values: []string{"west", "2024-01"}, Included: 6, Of: 60}, {Values: []string{"west", "2024-02"}}},
		Included: []int{19, 3}, Of: []int{23, 3}, HeldBack: []int{0, 1}, Receipt: map[string]int{"index": 7},
	}
}

// TestShortfallSaysWhatIsMissing: the sentences that go with CSV, and what decides the
// exit status.
func TestShortfallSaysWhatIsMissing(t *testing.T) {
	cases := []struct {
		name  string
		table Table
		want  []string
		whole bool
	}{
		{"whole", Table{Included: []int{3}, Of: []int{3}, HeldBack: []int{0}}, nil, true},
		{"public", Table{Rows: [][]any{{"a"}}}, nil, true},
		{
			"withheld groups have names",
			Table{Withheld: 7, Groups: []WithheldGroup{{Values: []string{"a"}, Included: 6, Of: 60}, {}, {Values: []string{"c"}}, {Values: []string{"d"}}, {Values: []string{"e"}}, {}, {}}},
			[]string{"7 groups withheld by policy: a (6 of 60 entities could be released), the whole, c, d, e, and 2 more"}, false,
		},
		{"withheld", Table{Withheld: 1}, []string{"1 group withheld by policy"}, false},
		{
			"two rows lack somebody", Table{Withheld: 2, Included: []int{7, 4, 2, 3}, Of: []int{8, 8, 3, 3}, HeldBack: []int{0, 0, 0, 0}},
			[]string{"2 groups withheld by policy", "3 rows are not whole: the one that lacks most covers 4 of 8 entities"}, false,
		},
		{
			"one row lacks somebody", Table{Included: []int{3, 7}, Of: []int{3, 8}, HeldBack: []int{0, 0}},
			[]string{"1 row is not whole: it covers 7 of 8 entities"}, false,
		},
		{"periods", Table{Omitted: []int{0, 2}}, []string{"1 row is not whole: periods are left out"}, false},
		{
			"periods that are not there", Table{NotThere: []string{"2024-07 to 2024-12"}},
			[]string{"not in the figures, as nothing is published that can be asked: 2024-07 to 2024-12"}, true,
		},
		{
			"corrections", Table{Included: []int{3, 3, 9}, Of: []int{3, 3, 9}, HeldBack: []int{1, 0, 4}},
			[]string{"2 rows do not have corrections of some entities yet, of 4 at most"}, true,
		},
	}
	for _, tc := range cases {
		if diff := cmp.Diff(tc.want, tc.table.Shortfall()); diff != "" || tc.table.Whole() != tc.whole {
			t.Errorf("%s: whole %t, want %t; sentences (-want +got):\n%s", tc.name, tc.table.Whole(), tc.whole, diff)
		}
	}
}

func TestWriteFormats(t *testing.T) {
	complete := sampleTable()
	complete.Included, complete.Of, complete.HeldBack = []int{23}, []int{23}, []int{0}
	complete.Withheld, complete.Groups, complete.Rows = 0, nil, complete.Rows[:1]
	omitted := sampleTable()
	omitted.Included, omitted.Of, omitted.HeldBack, omitted.Omitted = nil, nil, nil, []int{2, 0}
	omitted.Groups = nil
	empty := &Table{Columns: complete.Columns, Rows: [][]any{}, Withheld: 1}
	cases := []struct {
		name, format, want string
		table              *Table
	}{
		{"table", FormatTable, `区县      month    entities         avg(pm25) (µg/m³)  count(pm25)
--------  -------  ---------------  -----------------  -----------
桃城区    2024-01  19 of 23 (82 %)    41.500000000000          744
a, "b"\n  2024-02  all 3                         NULL            0
2 rows, 2 groups withheld by policy
withheld: west 2024-01 (6 of 60 entities could be released), west 2024-02
1 row is not whole: it covers 19 of 23 entities
1 row does not have corrections of 1 entity yet
`, sampleTable()},
		{"complete table", FormatTable, `区县    month    avg(pm25) (µg/m³)  count(pm25)
------  -------  -----------------  -----------
桃城区  2024-01    41.500000000000          744
1 row
`, complete},
		{"table with periods left out", FormatTable, `区县      month    periods left out  avg(pm25) (µg/m³)  count(pm25)
--------  -------  ----------------  -----------------  -----------
桃城区    2024-01  2                   41.500000000000          744
a, "b"\n  2024-02  0                              NULL            0
2 rows, 2 groups withheld by policy
1 row is not whole: periods are left out
`, omitted},
		{"CSV with periods left out", FormatCSV, "区县,month,avg(pm25),count(pm25),periods_left_out\n桃城区,2024-01,41.500000000000,744,2\n\"a, \"\"b\"\"\n\",2024-02,,0,0\n", omitted},
		{"empty table", FormatTable, `区县  month  avg(pm25) (µg/m³)  count(pm25)
----  -----  -----------------  -----------
0 rows, 1 group withheld by policy
`, empty},
		{"JSON", FormatJSON, `{"query":"q1","columns":[{"name":"区县","type":"text","unit":""},{"name":"month","type":"period","unit":""},` +
			`{"name":"avg(pm25)","type":"decimal","unit":"µg/m³"},{"name":"count(pm25)","type":"integer","unit":""}],` +
			`"rows":[["桃城区","2024-01","41.500000000000",744],["a, \"b\"\n","2024-02",null,0]],"withheld":2,` +
			`"withheld_groups":[{"values":["west","2024-01"],"included":6,"of":60},{"values":["west","2024-02"],"included":0,"of":0}],` +
			`"included":[19,3],"of":[23,3],"held_back":[0,1],"receipt":{"index":7},"whole":false}` + "\n", sampleTable()},
		{"empty JSON", FormatJSON, `{"columns":[{"name":"区县","type":"text","unit":""},{"name":"month","type":"period","unit":""},` +
			`{"name":"avg(pm25)","type":"decimal","unit":"µg/m³"},{"name":"count(pm25)","type":"integer","unit":""}],"rows":[],"withheld":1,"whole":false}` + "\n", empty},
		{"CSV", FormatCSV, "区县,month,avg(pm25),count(pm25),entities_included,entities_of\n桃城区,2024-01,41.500000000000,744,19,23\n\"a, \"\"b\"\"\n\",2024-02,,0,3,3\n", sampleTable()},
		{"complete CSV", FormatCSV, "区县,month,avg(pm25),count(pm25)\n桃城区,2024-01,41.500000000000,744\n", complete},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := tc.table.Write(&b, tc.format); err != nil {
				t.Fatal(err)
			}
			if b.String() != tc.want {
				t.Fatalf("got:\n%s\nwant:\n%s", b.String(), tc.want)
			}
		})
	}
}

var errFull = errors.New("disk full")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteReportsAFullDisk(t *testing.T) {
	for _, format := range []string{FormatTable, FormatJSON, FormatCSV} {
		if err := sampleTable().Write(fullDisk{}, format); !errors.Is(err, errFull) {
			t.Errorf("%s: error %v, want %v", format, err, errFull)
		}
	}
	if err := sampleTable().Write(new(bytes.Buffer), "xml"); err == nil {
		t.Error("an unknown format is accepted")
	}
}
