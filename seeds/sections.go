package seeds

import (
	"fmt"
	"math/big"
	"slices"
)

// waterClasses are the classes of GB 3838-2002, best first, with their limits in
// mg/L: at most, but oxygen at least. Phosphorus in a lake has limits of its own.
// What is worse than III is not told apart here.
var waterClasses = []struct {
	name                         string
	codmn, nh3n, tp, lakeTP, oxy *big.Rat
}{
	{"I", big.NewRat(2, 1), big.NewRat(15, 100), big.NewRat(2, 100), big.NewRat(1, 100), big.NewRat(75, 10)},
	{"II", big.NewRat(4, 1), big.NewRat(5, 10), big.NewRat(1, 10), big.NewRat(25, 1000), big.NewRat(6, 1)},
	{"III", big.NewRat(6, 1), big.NewRat(1, 1), big.NewRat(2, 10), big.NewRat(5, 100), big.NewRat(5, 1)},
}

const worseThanIII = "worse than III"

// waterClass is the class that the worst of the four means gives.
func waterClass(codmn, nh3n, tp, oxygen *big.Rat, lake bool) string {
	for _, c := range waterClasses {
		phosphorus := c.tp
		if lake {
			phosphorus = c.lakeTP
		}
		if codmn.Cmp(c.codmn) <= 0 && nh3n.Cmp(c.nh3n) <= 0 && tp.Cmp(phosphorus) <= 0 && oxygen.Cmp(c.oxy) >= 0 {
			return c.name
		}
	}
	return worseThanIII
}

// sectionsQuestion asks for the yearly means of every section, which decide
// its class: all must be III or better, and the lake's III.
func (g *Generator) sectionsQuestion() asked {
	return asked{
		Question: Question{
			Figures: []string{"sections", "lake_class"}, Label: Encrypted,
			Asks: []Ask{
				{Dataset: "water_daily", SQL: "SELECT section, AVG(codmn) AS codmn, AVG(nh3n) AS nh3n, AVG(tp) AS tp, AVG(do) AS do FROM water_daily WHERE period = '2024' GROUP BY section"},
				{Registry: "sections"},
			},
		},
		truth: g.waterTruth,
		check: func(figures []Figure, answers []Result, plain truth) (Outcome, error) {
			classes, within, lake, err := classify(answers[0], answers[1])
			if err != nil {
				return Outcome{}, err
			}
			same, err := waterMeans(answers[0], plain)
			if err != nil {
				return Outcome{}, err
			}
			o, err := figureOutcome(big.NewRat(int64(within), 1), nil, figures[0])
			o.Agree = o.Agree && lake == "III" && same
			o.Note = "sections within class III of GB 3838-2002 by their yearly means, which decide here; Hengshui Lake is class " + lake
			o.Detail = &classes
			return o, err
		},
	}
}

// waterMeans reports whether every section's means are those of the plaintext.
func waterMeans(answer Result, plain truth) (bool, error) {
	for _, measure := range waterMeasures {
		values, err := answer.keyed("section", measure)
		if err != nil {
			return false, err
		}
		for at, cells := range plain {
			if at[1] == measure && (values[at[0]] == nil || !equal(values[at[0]], cells.mean())) {
				return false, nil
			}
		}
	}
	return true, nil
}

// sectionsOf reads the sections of their registry, and the ids of those in the lake.
func sectionsOf(registry Result) (all []named, lakes []string, err error) {
	if lakes, err = idsWhere(registry, "river", "Hengshui Lake"); err != nil {
		return nil, nil, err
	}
	all, err = namesOf(registry)
	return all, lakes, err
}

// classify gives every section its class: a table with names, how many are III
// or better, and the lake's class, the worse where its sections differ.
func classify(means, registry Result) (classes Result, within int, lake string, err error) {
	names, lakes, err := sectionsOf(registry)
	if err != nil {
		return Result{}, 0, "", err
	}
	var by [len(waterMeasures)]map[string]*big.Rat
	for i, measure := range waterMeasures {
		if by[i], err = means.keyed("section", measure); err != nil {
			return Result{}, 0, "", err
		}
	}
	classes.Columns = slices.Concat([]string{"section", "断面"}, waterMeasures[:], []string{"class"})
	for _, section := range names {
		if by[0][section.id] == nil {
			continue
		}
		isLake := slices.Contains(lakes, section.id)
		class := waterClass(by[0][section.id], by[1][section.id], by[2][section.id], by[3][section.id], isLake)
		if class != worseThanIII {
			within++
		}
		if isLake && (lake == "" || slices.Index(classNames, class) > slices.Index(classNames, lake)) {
			lake = class
		}
		row := []string{section.en, section.zh}
		for i := range by {
			row = append(row, by[i][section.id].FloatString(3))
		}
		classes.Rows = append(classes.Rows, append(row, class))
	}
	if len(by[0]) != len(classes.Rows) {
		return Result{}, 0, "", fmt.Errorf("%w: a section is not in the registry (%d answered, %d known)", ErrAnswer, len(by[0]), len(classes.Rows))
	}
	return classes, within, lake, nil
}

var classNames = []string{"I", "II", "III", worseThanIII}
