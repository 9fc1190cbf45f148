package seeds

import (
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
)

// rightsQuestion asks how many enterprises have rights in 2024, and for what.
func (g questioner) rightsQuestion() (Question, error) {
	figure, err := FigureByID("rights_enterprises")
	if err != nil {
		return Question{}, err
	}
	return Question{
		ID: figure.ID, Title: figure.Text, Figures: []string{figure.ID}, Label: CountAndSum,
		Asks: []Ask{{Dataset: "emission_rights", SQL: "SELECT COUNT(nox_right_t) AS enterprises, SUM(nox_right_t) AS nox_right_t FROM emission_rights WHERE period = '2024'"}},
		Check: func(answers []Result) (Outcome, error) {
			answer, err := oneAnswer(answers)
			if err != nil {
				return Outcome{}, err
			}
			count, err := answer.single("enterprises")
			if err != nil {
				return Outcome{}, err
			}
			sum, err := answer.single("nox_right_t")
			if err != nil {
				return Outcome{}, err
			}
			truth, err := total(g.WriteEmissionRights, "nox_right_t", "2024")
			if err != nil {
				return Outcome{}, err
			}
			o, err := figureOutcome(count, nil, figure)
			o.Agree = o.Agree && equal(sum, truth)
			o.Note = "the count of cells is public; their NOx rights, " + sum.FloatString(3) + " t, are not, and equal the plaintext"
			return o, err
		},
	}, nil
}

// LoanBook is a made-up bank's list of borrowers: of every county's industry that has so
// many enterprises, the first few in the registry's order. Where an industry has few,
// borrowers and the others would be fewer than the policy shows.
func (g *Generator) LoanBook() Selection {
	const atLeast, each = 120, 8
	sizes, taken := map[[2]int]int{}, map[[2]int]int{}
	for _, e := range g.enterprises {
		sizes[[2]int{e.county, e.industry}]++
	}
	s := Selection{Name: "loans", Registry: "enterprises", IDColumn: "id"}
	for _, e := range g.enterprises {
		of := [2]int{e.county, e.industry}
		if sizes[of] >= atLeast && taken[of] < each {
			taken[of]++
			s.Entities = append(s.Entities, e.id)
		}
	}
	return s
}

// loanQuestion asks for the collateral of the loan book: the rights of borrowers whom the
// bank names to nobody.
func (g questioner) loanQuestion() (Question, error) {
	book := g.LoanBook()
	return Question{
		ID: "loan_book_2024", Title: Text{"emission rights behind a bank's loan book, the borrowers named to nobody", "银行贷款组合的排污权抵押物，借款企业不向任何人透露"},
		Label: PrivateTruth,
		Asks: []Ask{{
			Dataset: "emission_rights", Private: &book,
			SQL: "SELECT COUNT(nox_right_t) AS enterprises, SUM(nox_right_t) AS nox_right_t, SUM(so2_right_t) AS so2_right_t FROM emission_rights WHERE enterprise IN PRIVATE(loans) AND period = '2024'",
		}},
		Check: func(answers []Result) (Outcome, error) {
			answer, err := oneAnswer(answers)
			if err != nil {
				return Outcome{}, err
			}
			truth, err := g.rightsOf(book.Entities)
			if err != nil {
				return Outcome{}, err
			}
			same, texts := true, make([]string, 0, len(truth))
			for i, column := range []string{"enterprises", "nox_right_t", "so2_right_t"} {
				got, err := answer.single(column)
				if err != nil {
					return Outcome{}, err
				}
				same = same && got.Cmp(truth[i]) == 0
				texts = append(texts, decimalText(got))
			}
			return Outcome{
				Exact:  fmt.Sprintf("%s t of NOx and %s t of SO2", texts[1], texts[2]),
				Answer: texts[0] + " borrowers", Published: "plaintext", Agree: same,
				Note: "the first loan in the province secured on emission rights was a Hengshui one; these borrowers are made up",
			}, nil
		},
	}, nil
}

// rightsOf adds up the plaintext of some enterprises in 2024: how many have a NOx right,
// their NOx and their SO2 rights.
func (g *Generator) rightsOf(ids []string) ([3]*big.Rat, error) {
	chosen := slices.Sorted(slices.Values(ids))
	sums := [3]*big.Rat{new(big.Rat), new(big.Rat), new(big.Rat)}
	err := piped(g.WriteEmissionRights, func(r io.Reader) error {
		return eachRow(r, []string{"enterprise", "period", "nox_right_t", "so2_right_t"}, func(cells []string) error {
			if _, in := slices.BinarySearchFunc(chosen, cells[0], strings.Compare); !in || !within(cells[1], "2024") {
				return nil
			}
			for i, cell := range cells[2:] {
				if cell == "" {
					continue
				}
				value, err := number(cell)
				if err != nil {
					return err
				}
				sums[i+1].Add(sums[i+1], value)
				if i == 0 {
					sums[0].Add(sums[0], big.NewRat(1, 1))
				}
			}
			return nil
		})
	})
	return sums, err
}
