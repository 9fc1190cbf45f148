package seeds

import (
	"math/big"
	"slices"
)

// countQuestion counts the entities of a public registry, all of them or those
// whose attribute has one of the values.
func countQuestion(id, registry, attribute string, values ...string) asked {
	return asked{
		Question: Question{Figures: []string{id}, Label: PublicCount, Asks: []Ask{{Registry: registry}}},
		check: func(figures []Figure, answers []Result, _ truth) (Outcome, error) {
			count := len(answers[0].Rows)
			if attribute != "" {
				ids, err := idsWhere(answers[0], attribute, values...)
				if err != nil {
					return Outcome{}, err
				}
				count = len(ids)
			}
			return figureOutcome(big.NewRat(int64(count), 1), nil, figures...)
		},
	}
}

func idsWhere(registry Result, attribute string, values ...string) ([]string, error) {
	columns, err := registry.columns("id", attribute)
	if err != nil {
		return nil, err
	}
	var found []string
	for i, cell := range columns[1] {
		if slices.Contains(values, cell) {
			found = append(found, columns[0][i])
		}
	}
	return found, nil
}

func refusalQuestion() asked {
	return asked{Question: Question{
		ID:    "power_carbon_refused",
		Title: Text{"carbon dioxide of the power companies", "发电企业二氧化碳排放总量"},
		Label: PolicyRefusal,
		Asks:  []Ask{{Dataset: "power_carbon", SQL: "SELECT SUM(co2_t) AS co2_t FROM power_carbon"}},
		Refused: &Refusal{Rule: "min_cohort", Why: Text{
			"four companies are fewer than the min_cohort of 5: from their sum each could work out what the others emit",
			"四家企业少于最小群体5家：任何一家都可由总和推算他人的排放",
		}},
	}}
}
