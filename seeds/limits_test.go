package seeds

import (
	"math/big"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// Every entity of every registry is named in Chinese and in English, and no two alike.
func TestEveryEntityIsNamedInBothLanguages(t *testing.T) {
	g := newGenerator(t, Options{})
	for _, r := range g.Registries() {
		registry := tableOf(t, csvBytes(t, r.Write))
		zh, en := registry.at(t, "name_zh"), registry.at(t, "name_en")
		seen := map[string]bool{}
		for _, row := range registry.rows {
			if !strings.ContainsFunc(row[zh], func(c rune) bool { return unicode.Is(unicode.Han, c) }) ||
				strings.ContainsFunc(row[en], func(c rune) bool { return c > unicode.MaxASCII }) || seen[row[zh]] || seen[row[en]] {
				t.Errorf("%s: %q is named %q and %q", r.ID, row[0], row[zh], row[en])
			}
			seen[row[zh]], seen[row[en]] = true, true
		}
	}
}

// Codes are of enterprises that register in their county, with both check characters
// right and marked as made up; nobody has another's.
func TestEveryCodeIsRegisteredInItsCounty(t *testing.T) {
	g := newGenerator(t, Options{})
	division := map[string]string{}
	for _, d := range districts {
		division[d.id] = d.division
	}
	seen := map[string]bool{}
	for id, column := range map[string]string{"enterprises": "id", "power_companies": "credit_code"} {
		at := slices.IndexFunc(g.Registries(), func(r Registry) bool { return r.ID == id })
		registry := tableOf(t, csvBytes(t, g.Registries()[at].Write))
		for _, row := range registry.rows {
			code, county := row[registry.at(t, column)], row[registry.at(t, "county")]
			if !verifies(code) {
				t.Fatalf("%s: the check character of %s is wrong", id, code)
			}
			organisation := code[8:17]
			if !strings.HasPrefix(code, "91"+division[county]+"YY") || organisationCheck([8]byte([]byte(organisation))) != organisation[8] || seen[code] {
				t.Fatalf("%s: code %s of %s", id, code, county)
			}
			seen[code] = true
		}
	}
	if len(seen) != enterpriseCount+len(powerCompanies) {
		t.Errorf("%d codes", len(seen))
	}
}

// Questions about limits are worth asking: some days are beyond them, and none where the
// bureau says that there are none. A query can ask only for limits at which buckets end.
func TestReadingsBreakLimitsWhereTheyMay(t *testing.T) {
	g := newGenerator(t, Options{})
	truth, err := g.waterTruth()
	if err != nil {
		t.Fatal(err)
	}
	broken := map[string]bool{}
	for _, l := range waterLimits {
		for i, s := range sections {
			if s.lake && !l.lake || !s.lake && !l.river {
				continue
			}
			share, err := l.share(sectionID(i), truth)
			if err != nil {
				t.Fatal(err)
			}
			if l.least {
				share.Sub(big.NewRat(1, 1), share)
			}
			if l.class == 3 && share.Sign() != 0 {
				t.Errorf("%s is beyond class III for %s of its readings of %s", s.en, share.FloatString(3), l.measure)
			}
			broken[l.column] = broken[l.column] || share.Sign() > 0 && share.Cmp(big.NewRat(1, 1)) < 0
		}
		if l.class == 2 && !broken[l.column] {
			t.Errorf("no section has some of its readings beyond %s of %s", l.limit, l.measure)
		}
	}
	air, err := g.air()
	if err != nil {
		t.Fatal(err)
	}
	for _, year := range []string{"2020", "2021", "2022", "2023", "2024", "2025"} {
		for _, l := range dailyLimits {
			if share := air[[2]string{year, l.measure}].above(big.NewRat(l.limit, 1)); share.Sign() == 0 || share.IsInt() {
				t.Errorf("%s: %s of the days are beyond the limit of %s", year, share, l.measure)
			}
		}
	}
	for dataset, limits := range map[string]map[string][]string{
		"water_daily": {"codmn": {"4", "6"}, "nh3n": {"0.5", "1"}, "tp": {"0.025", "0.05", "0.1", "0.2"}, "do": {"4.9", "5.9"}},
		"air_daily":   {"pm25": {"75"}, "pm10": {"150"}, "o3_8h": {"160"}},
	} {
		text, err := Descriptor(dataset)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range parseDescriptor(t, text).Measures {
			for _, limit := range limits[m.Name] {
				if !slices.Contains(m.Buckets, limit) {
					t.Errorf("%s: no bucket of %s ends at %s", dataset, m.Name, limit)
				}
			}
		}
	}
}

// One reading beyond class III is noticed, and so is an industry that leads abroad.
func TestAnswersThatContradictTheFactsDisagree(t *testing.T) {
	g := newGenerator(t, Options{})
	all := files(t, g)
	questions, err := g.Questions()
	if err != nil {
		t.Fatal(err)
	}
	find := func(id string) Question {
		return questions[slices.IndexFunc(questions, func(q Question) bool { return q.ID == id })]
	}
	q := find("water_limit_days")
	answers := answer(t, all, q)
	answers[0].Rows[3][1] = "0.002739726027"
	if o, err := q.Check(answers); err != nil || o.Agree || o.Answer != "12 sections" {
		t.Errorf("a reading beyond class III: %+v, %v", o, err)
	}
	q = find("home_industries")
	answers = answer(t, all, q)
	rows := answers[0].Rows
	rows[0][1], rows[1][1] = rows[1][1], rows[0][1]
	if o, err := q.Check(answers); err != nil || o.Agree || o.Answer != "5 of 6 at home" {
		t.Errorf("an industry that leads abroad: %+v, %v", o, err)
	}
	q = find("pm25_2024")
	answers = answer(t, all, q)
	answers[0].Rows[0][0] = answers[0].Rows[0][0][:14] + "9" // still 41 µg/m³
	if o, err := q.Check(answers); err != nil || o.Agree {
		t.Errorf("a mean that only rounds to the figure: %+v, %v", o, err)
	}
}

// The loan book leaves as many others as borrowers at least wherever it has borrowers, so
// that the policy answers for all of it.
func TestLoanBookFitsThePolicy(t *testing.T) {
	g := newGenerator(t, Options{})
	book := g.LoanBook()
	if !slices.Equal(book.Entities, newGenerator(t, Options{Size: SizeFull}).LoanBook().Entities) {
		t.Error("the full size has another loan book")
	}
	chosen, borrowers, others := map[string]bool{}, map[[2]int]int{}, map[[2]int]int{}
	for _, id := range book.Entities {
		chosen[id] = true
	}
	for _, e := range g.enterprises {
		if of := [2]int{e.county, e.industry}; chosen[e.id] {
			borrowers[of]++
		} else {
			others[of]++
		}
	}
	total := 0
	for of, n := range borrowers {
		total += n
		if n < 5 || others[of] < 100 {
			t.Errorf("%s in %s: %d borrowers, %d others", industries[of[1]].en, districts[of[0]].en, n, others[of])
		}
	}
	if total != len(book.Entities) || total < 200 {
		t.Errorf("%d borrowers of %d listed", total, len(book.Entities))
	}
}
