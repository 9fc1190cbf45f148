package seeds

import (
	"fmt"
	"math/big"
	"slices"
)

// rightsQuestion asks how many enterprises have rights in 2024, and for what.
func (g *Generator) rightsQuestion() asked {
	return asked{
		Question: Question{
			Figures: []string{"rights_enterprises"}, Label: CountAndSum,
			Asks: []Ask{{Dataset: "emission_rights", SQL: "SELECT COUNT(nox_right_t) AS enterprises, SUM(nox_right_t) AS nox_right_t FROM emission_rights WHERE period = '2024'"}},
		},
		truth: func() (truth, error) {
			return plaintext(g.WriteEmissionRights, "2024", nil, []string{"nox_right_t"}, nil)
		},
		check: func(figures []Figure, answers []Result, plain truth) (Outcome, error) {
			got, err := answers[0].single("enterprises", "nox_right_t")
			if err != nil {
				return Outcome{}, err
			}
			sum, _ := plain[[2]string{"", "nox_right_t"}].sum()
			o, err := figureOutcome(got[0], nil, figures...)
			o.Agree = o.Agree && equal(got[1], sum)
			o.Note = "the count of cells is public; their NOx rights, " + got[1].FloatString(3) + " t, are not, and equal the plaintext"
			return o, err
		},
	}
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
func (g *Generator) loanQuestion() asked {
	book := g.LoanBook()
	borrowers := slices.Sorted(slices.Values(book.Entities))
	return asked{
		Question: Question{
			ID: "loan_book_2024", Title: Text{"emission rights behind a bank's loan book, the borrowers named to nobody", "银行贷款组合的排污权抵押物，借款企业不向任何人透露"},
			Label: PrivateTruth,
			Asks: []Ask{{
				Dataset: "emission_rights", Private: &book,
				SQL: "SELECT COUNT(nox_right_t) AS enterprises, SUM(nox_right_t) AS nox_right_t, SUM(so2_right_t) AS so2_right_t FROM emission_rights WHERE enterprise IN PRIVATE(loans) AND period = '2024'",
			}},
		},
		truth: func() (truth, error) {
			group := func(keys []string) (string, error) {
				_, in := slices.BinarySearch(borrowers, keys[1])
				return yesNo(in), nil
			}
			return plaintext(g.WriteEmissionRights, "2024", []string{"enterprise"}, []string{"nox_right_t", "so2_right_t"}, group)
		},
		check: func(_ []Figure, answers []Result, plain truth) (Outcome, error) {
			got, err := answers[0].single("enterprises", "nox_right_t", "so2_right_t")
			if err != nil {
				return Outcome{}, err
			}
			nox, count := plain[[2]string{yesNo(true), "nox_right_t"}].sum()
			so2, _ := plain[[2]string{yesNo(true), "so2_right_t"}].sum()
			same := slices.EqualFunc(got, []*big.Rat{big.NewRat(count, 1), nox, so2}, func(a, b *big.Rat) bool { return a.Cmp(b) == 0 })
			return Outcome{
				Exact:  fmt.Sprintf("%s t of NOx and %s t of SO2", decimalText(got[1]), decimalText(got[2])),
				Answer: decimalText(got[0]) + " borrowers", Published: "plaintext", Agree: same,
				Note: "the first loan in the province secured on emission rights was a Hengshui one; these borrowers are made up",
			}, nil
		},
	}
}
