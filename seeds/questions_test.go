package seeds

import (
	"bytes"
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// answer computes what the query of a question releases, by plain loops.
func answer(t *testing.T, all map[string][]byte, q Question) []Result {
	t.Helper()
	air := tableOf(t, all["air_daily.csv"])
	average := func(measure string, keep func([]string) bool) string {
		sum, count := air.sum(t, measure, 0, keep)
		return big.NewRat(sum, count).FloatString(12)
	}
	one := func(columns []string, row ...string) []Result { return []Result{{columns, [][]string{row}}} }
	switch q.ID {
	case "pm25_2020", "pm25_2024", "pm25_2025", "pm10_2020", "pm10_2024":
		measure, year, _ := strings.Cut(q.ID, "_")
		return one([]string{measure}, average(measure, inYear(year)))
	case "pm25_fall", "pm10_fall":
		measure, _, _ := strings.Cut(q.ID, "_")
		return []Result{{[]string{"year", measure}, [][]string{
			{"2020", average(measure, inYear("2020"))}, {"2024", average(measure, inYear("2024"))},
		}}}
	case "air_index_part_2024":
		columns := []string{"pm25", "pm10", "so2", "no2"}
		var row []string
		for _, measure := range columns {
			row = append(row, average(measure, inYear("2024")))
		}
		return one(columns, row...)
	case "sections":
		return sectionAnswer(t, all)
	case "water_limit_days":
		return limitAnswer(t, all)
	case "air_limit_days":
		r := Result{Columns: []string{"year", "pm25", "pm10", "o3_8h"}}
		for _, year := range []string{"2020", "2021", "2022", "2023", "2024", "2025"} {
			row := []string{year}
			for _, m := range []string{"pm25", "pm10", "o3_8h"} {
				row = append(row, air.above(t, m, map[string]string{"pm25": "75", "pm10": "150", "o3_8h": "160"}[m], inYear(year)))
			}
			r.Rows = append(r.Rows, row)
		}
		return []Result{r}
	case "rights_enterprises":
		sum, count := tableOf(t, all["emission_rights.csv"]).sum(t, "nox_right_t", 3, inYear("2024"))
		return one([]string{"enterprises", "nox_right_t"}, strconv.FormatInt(count, 10), big.NewRat(sum, 1000).FloatString(3))
	case "home_industries":
		return homeAnswer(t, all)
	case "loan_book_2024":
		data, listed := tableOf(t, all["emission_rights.csv"]), q.Asks[0].Private.Entities
		borrower := func(row []string) bool { return slices.Contains(listed, row[0]) }
		nox, count := data.sum(t, "nox_right_t", 3, borrower)
		so2, _ := data.sum(t, "so2_right_t", 3, borrower)
		return one([]string{"enterprises", "nox_right_t", "so2_right_t"}, strconv.FormatInt(count, 10), big.NewRat(nox, 1000).FloatString(3), big.NewRat(so2, 1000).FloatString(3))
	case "warnings":
		sum, _ := tableOf(t, all["warnings_monthly.csv"]).sum(t, "warnings", 0, inYear("2024"))
		return one([]string{"warnings"}, big.NewRat(sum, 1).FloatString(0))
	case "nox_by_county_2024":
		return countyAnswer(t, all, "enterprises", "enterprise_monthly", "nox_kg", 1, false)
	case "rights_by_county_2024":
		return countyAnswer(t, all, "enterprises", "emission_rights", "nox_right_t", 3, false)
	case "dust_by_county_2024_05":
		return countyAnswer(t, all, "dust_monitors", "dust_hourly", "pm10", 0, true)
	}
	if len(q.Asks) != 1 || q.Asks[0].Registry == "" {
		t.Fatalf("the test has no answer for %s", q.ID)
	}
	registry, err := ReadResult(bytes.NewReader(all[q.Asks[0].Registry+".csv"]))
	if err != nil {
		t.Fatal(err)
	}
	return []Result{registry}
}

func TestEveryQuestionAgreesWithPlaintextAnswers(t *testing.T) {
	g := newGenerator(t, Options{})
	all := files(t, g)
	questions, err := g.Questions()
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, q := range questions {
		for _, id := range q.Figures {
			asked[id] = true
		}
		for _, ask := range q.Asks {
			asked[ask.Dataset+ask.Registry] = true
		}
		if q.Title.EN == "" || q.Title.ZH == "" || (q.Check == nil) == (q.Refused == nil) {
			t.Errorf("%s: title missing, or not exactly one of Check and Refused", q.ID)
		}
		if q.Refused != nil {
			continue
		}
		o, err := q.Check(answer(t, all, q))
		if err != nil {
			t.Errorf("%s: %v", q.ID, err)
			continue
		}
		if !o.Agree {
			t.Errorf("%s: %+v", q.ID, o)
		}
		t.Logf("%-20s %-28s %-22s %s %s", q.ID, o.Answer, o.Published, q.Label, o.Note)
		if _, err := q.Check(nil); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: no answer at all gives %v", q.ID, err)
		}
		if _, err := q.Check(make([]Result, len(q.Asks))); q.Label != PublicCount && !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: empty answers give %v", q.ID, err)
		}
	}
	for _, f := range Figures() {
		if f.Data != "" && !asked[f.ID] {
			t.Errorf("no question asks for %s", f.ID)
		}
	}
	datasets, err := g.Datasets()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range datasets {
		if !asked[d.ID] {
			t.Errorf("no question asks %s", d.ID)
		}
	}
}

// TestAWrongAnswerNeverAgrees spoils one number of every answer.
func TestAWrongAnswerNeverAgrees(t *testing.T) {
	g := newGenerator(t, Options{EnterpriseMonths: 1})
	all := files(t, g)
	questions, err := g.Questions()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range questions {
		if q.Check == nil {
			continue
		}
		answers := answer(t, all, q)
		switch q.Label {
		case PublicCount:
			answers[0].Rows = answers[0].Rows[:len(answers[0].Rows)/20]
		default:
			row := answers[0].Rows[0]
			value, err := number(row[len(row)-1])
			if err != nil {
				t.Fatal(err)
			}
			row[len(row)-1] = value.Mul(value, big.NewRat(1, 3)).FloatString(12)
		}
		if o, err := q.Check(answers); err != nil || o.Agree {
			t.Errorf("%s agrees with a wrong answer: %+v, %v", q.ID, o, err)
		}
	}
}

func TestCountyCheckNoticesOneKilogramAndALostGroup(t *testing.T) {
	sums, means := countySpec{unit: "kg"}, countySpec{unit: "µg/m³", mean: true}
	truth := map[string]*big.Rat{"a": big.NewRat(5, 1), "b": big.NewRat(7, 10)}
	clone := func() map[string]*big.Rat {
		return map[string]*big.Rat{"a": big.NewRat(5, 1), "b": big.NewRat(7, 10)}
	}
	if o := sums.compare(clone(), truth); !o.Agree || o.Exact != "5.7 kg in all" {
		t.Errorf("equal groups: %+v", o)
	}
	if o := means.compare(clone(), truth); !o.Agree || o.Exact != "0.7 to 5 µg/m³" {
		t.Errorf("equal means: %+v", o)
	}
	more, fewer, extra := clone(), clone(), clone()
	more["b"] = big.NewRat(8, 10)
	delete(fewer, "a")
	extra["c"] = new(big.Rat)
	for _, values := range []map[string]*big.Rat{more, fewer, extra, nil} {
		if o := sums.compare(values, truth); o.Agree {
			t.Errorf("sums %v agree with %v", values, truth)
		}
		if o := means.compare(values, truth); o.Agree {
			t.Errorf("means %v agree with %v", values, truth)
		}
	}
	if o := sums.compare(nil, nil); o.Agree {
		t.Error("nothing agrees with nothing")
	}
	// A mean is printed to twelve places, which is how far it can agree.
	third, printed := map[string]*big.Rat{"a": big.NewRat(1, 3)}, map[string]*big.Rat{}
	printed["a"], _ = new(big.Rat).SetString("0.333333333333")
	if o := means.compare(printed, third); !o.Agree {
		t.Errorf("a third to twelve places: %+v", o)
	}
	if o := sums.compare(printed, third); o.Agree {
		t.Errorf("a sum that is not exact agrees: %+v", o)
	}
}

func TestWaterClassIsThatOfTheWorstFactor(t *testing.T) {
	rat := func(text string) *big.Rat {
		x, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q is no number", text)
		}
		return x
	}
	for _, c := range []struct {
		codmn, nh3n, tp, do string
		lake                bool
		want                string
	}{
		{"2", "0.15", "0.02", "7.5", false, "I"},
		{"2.001", "0.15", "0.02", "7.5", false, "II"},
		{"2", "0.15", "0.02", "7.499", false, "II"},
		{"2", "0.501", "0.02", "7.5", false, "III"},
		{"6", "1", "0.2", "5", false, "III"},
		{"6", "1", "0.201", "5", false, worseThanIII},
		{"6", "1", "0.2", "4.999", false, worseThanIII},
		{"2", "0.15", "0.02", "7.5", true, "II"},
		{"6", "1", "0.05", "5", true, "III"},
		{"6", "1", "0.051", "5", true, worseThanIII},
	} {
		if got := waterClass(rat(c.codmn), rat(c.nh3n), rat(c.tp), rat(c.do), c.lake); got != c.want {
			t.Errorf("%+v: class %s", c, got)
		}
	}
}

func TestRefusalJudgesTheRule(t *testing.T) {
	q := refusalQuestion()
	for rule, want := range map[string]bool{"min_cohort": true, "budget": false, "": false} {
		if o := q.Refused.Judge(rule); o.Agree != want {
			t.Errorf("rule %q: %+v", rule, o)
		}
	}
}

func TestDemoPublishesWhatItAsks(t *testing.T) {
	for size, want := range map[Size][2]int{SizeDemo: {5, 7}, SizeFull: {5, 7}} {
		d, err := newGenerator(t, Options{Size: size}).Demo()
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]int{len(d.Registries), len(d.Datasets)}; got != want {
			t.Errorf("size %d: %d registries and datasets, want %d", size, got, want)
		}
		for _, q := range d.Questions {
			for _, ask := range q.Asks {
				if (ask.SQL == "") == (ask.Registry == "") || (ask.SQL == "") != (ask.Dataset == "") {
					t.Errorf("%s: %+v is not one thing to ask", q.ID, ask)
				}
				known := slices.ContainsFunc(d.Datasets, func(x Dataset) bool { return x.ID == ask.Dataset && strings.Contains(ask.SQL, " FROM "+x.ID) }) ||
					slices.ContainsFunc(d.Registries, func(x Registry) bool { return x.ID == ask.Registry })
				if !known {
					t.Errorf("%s asks %+v, which the demo does not publish", q.ID, ask)
				}
			}
		}
	}
}

func TestResultsOfTheWrongShapeAreErrors(t *testing.T) {
	for name, r := range map[string]Result{
		"no column":   {Columns: []string{"a"}, Rows: [][]string{{"1"}}},
		"short row":   {Columns: []string{"a", "x"}, Rows: [][]string{{"1"}}},
		"no rows":     {Columns: []string{"x"}},
		"two rows":    {Columns: []string{"x"}, Rows: [][]string{{"1"}, {"2"}}},
		"null":        {Columns: []string{"x"}, Rows: [][]string{{""}}},
		"a fraction":  {Columns: []string{"x"}, Rows: [][]string{{"1/2"}}},
		"an exponent": {Columns: []string{"x"}, Rows: [][]string{{"1e999999999"}}},
	} {
		if _, err := r.single("x"); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	twice := Result{Columns: []string{"k", "v"}, Rows: [][]string{{"a", "1"}, {"a", "2"}}}
	if _, err := twice.keyed("k", "v"); !errors.Is(err, ErrAnswer) {
		t.Errorf("two rows of one key: %v", err)
	}
	if _, err := ReadResult(strings.NewReader("")); err == nil {
		t.Error("an empty file was read")
	}
	if _, err := ReadResult(strings.NewReader("a,b\n1\n")); err == nil {
		t.Error("a ragged file was read")
	}
}
