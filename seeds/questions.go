package seeds

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Label says where an answer of the demo comes from.
type Label string

// The labels. The demo prints them beside each answer.
const (
	Encrypted     Label = "encrypted query"
	EncryptedPart Label = "encrypted query, part of the figure"
	PublicCount   Label = "public count"
	CountAndSum   Label = "public count, encrypted sum"
	OwnTruth      Label = "encrypted query against the generator's plaintext"
	PrivateTruth  Label = "private encrypted query against the generator's plaintext"
	PolicyRefusal Label = "refused by policy"
)

// Ask is one thing to fetch: the answer of an SQL query on a dataset, or a
// whole registry, with its id and attribute columns. Exactly one of SQL and
// Registry is set.
type Ask struct {
	Dataset  string
	SQL      string
	Registry string
	// Private is the private selection that the SQL names, if it names one.
	Private *Selection
}

// Selection is a list of entities of a registry that the buyer keeps to itself.
type Selection struct {
	Name     string
	Registry string
	IDColumn string
	Entities []string
}

// Outcome is an answer held against what was published.
type Outcome struct {
	// Exact is the answer as it came, Answer the same at the published
	// precision.
	Exact     string `json:"exact"`
	Answer    string `json:"answer"`
	Published string `json:"published"`
	Agree     bool   `json:"agree"`
	// Plaintext is what the generator's own readings give, to the 12 places that
	// answers have, where the question has one number; Note says why it may differ.
	Plaintext string `json:"plaintext,omitempty"`
	Note      string `json:"note,omitempty"`
	// Detail is the answer as a table for people, with names in both languages;
	// nil where the answer is one number.
	Detail *Result `json:"detail,omitempty"`
}

// Refusal is the refusal a question expects.
type Refusal struct {
	// Rule is the policy's rule that refuses.
	Rule string
	Why  Text
}

// Judge compares the rule of a refusal ("" for an answer) with the expected.
func (r Refusal) Judge(rule string) Outcome {
	answer := "refused: " + rule
	if rule == "" {
		answer = "answered"
	}
	return Outcome{Exact: answer, Answer: answer, Published: "refused: " + r.Rule, Agree: rule == r.Rule, Note: r.Why.EN}
}

// Question is one line of the demo.
type Question struct {
	ID    string
	Title Text
	// Figures are ids of the published figures it reproduces.
	Figures []string
	Label   Label
	Asks    []Ask
	// Refused is set where the policy must refuse; Check is nil then.
	Refused *Refusal
	// Check takes one result for each of Asks, in order. It is pure but for
	// the plaintext that it may generate again.
	Check func(answers []Result) (Outcome, error)
}

// Demo is what the demo publishes and asks, in order.
type Demo struct {
	Registries []Registry
	Datasets   []Dataset
	Questions  []Question
}

// Lists reports whether a question about a dataset has a private list.
func (d Demo) Lists(dataset string) bool {
	return slices.ContainsFunc(d.Questions, func(q Question) bool {
		return slices.ContainsFunc(q.Asks, func(a Ask) bool { return a.Dataset == dataset && a.Private != nil })
	})
}

// Demo returns the demo: every registry, every dataset, every question.
func (g *Generator) Demo() (Demo, error) {
	questions, err := g.Questions()
	if err != nil {
		return Demo{}, err
	}
	datasets, err := g.Datasets()
	if err != nil {
		return Demo{}, err
	}
	return Demo{Registries: g.Registries(), Datasets: datasets, Questions: questions}, nil
}

// Questions returns the demo's questions. Every figure of the table that names
// data is reproduced by one of them, and every dataset is asked by one.
func (g *Generator) Questions() ([]Question, error) {
	var questions []Question
	for _, a := range append([]asked{
		g.meanQuestion("pm25", "2020", "period = '2020'", "pm25_2020"),
		g.meanQuestion("pm25", "2024", "period = '2024'", "pm25_2024"),
		g.fallQuestion("pm25", "pm25_fall"),
		g.meanQuestion("pm25", "2025", "period BETWEEN '2025-01-01' AND '2025-11-17'", "pm25_2025", "pm25_2025_limit"),
		g.meanQuestion("pm10", "2020", "period = '2020'", "pm10_2020"),
		g.meanQuestion("pm10", "2024", "period = '2024'", "pm10_2024"),
		g.fallQuestion("pm10", "pm10_fall"),
		g.indexQuestion(),
		g.airLimitQuestion(),
		g.sectionsQuestion(),
		g.waterLimitQuestion(),
		g.warningsQuestion(),
		g.rightsQuestion(),
		countQuestion("gas_enterprises", "enterprises", "gas_emitter", "yes"),
		countQuestion("graded", "enterprises", "grade", "A", "B", "leading"),
		countQuestion("graded_a", "enterprises", "grade", "A"),
		countQuestion("graded_b", "enterprises", "grade", "B"),
		countQuestion("graded_leading", "enterprises", "grade", "leading"),
		countQuestion("positive_list", "enterprises", "positive_list", "yes"),
		countQuestion("power_companies", "power_companies", ""),
		refusalQuestion(),
		g.industryQuestion(),
		g.loanQuestion(),
	}, g.countyQuestions()...) {
		q, err := a.question()
		if err != nil {
			return nil, fmt.Errorf("building the demo's questions: %w", err)
		}
		questions = append(questions, q)
	}
	return questions, nil
}

// asked is a question whose figures are not looked up yet. Where nothing else is said its
// ID and Title are those of the first.
type asked struct {
	Question
	truth func() (truth, error) // what the generator wrote; nil: check needs none of it
	// check is Question.Check, given the figures and as many answers as there are Asks.
	check func(figures []Figure, answers []Result, plain truth) (Outcome, error)
}

func (a asked) question() (Question, error) {
	q := a.Question
	figures := make([]Figure, len(q.Figures))
	for i, id := range q.Figures {
		var err error
		if figures[i], err = FigureByID(id); err != nil {
			return q, err
		}
	}
	if len(figures) > 0 {
		q.ID, q.Title = cmp.Or(q.ID, figures[0].ID), cmp.Or(q.Title, figures[0].Text)
	}
	if a.check == nil {
		return q, nil
	}
	q.Check = func(answers []Result) (Outcome, error) {
		if len(answers) != len(q.Asks) {
			return Outcome{}, fmt.Errorf("%w: %d answers, want %d", ErrAnswer, len(answers), len(q.Asks))
		}
		var plain truth
		if a.truth != nil {
			var err error
			if plain, err = a.truth(); err != nil {
				return Outcome{}, err
			}
		}
		return a.check(figures, answers, plain)
	}
	return q, nil
}

// figureOutcome holds an answer against the first figure for what to print,
// and against all of them for agreement.
//
// An answer agrees by itself with a figure that its data were calibrated to. So it must
// be what the plaintext gives as well, to the last place: truth, nil where there is none.
func figureOutcome(answer, truth *big.Rat, figures ...Figure) (Outcome, error) {
	o := Outcome{Exact: decimalText(answer), Answer: answer.FloatString(figures[0].Decimals), Agree: true}
	if unit := figures[0].Unit; unit != "" {
		o.Answer += " " + unit
	}
	if truth != nil {
		o.Plaintext = decimalText(truth)
		o.Agree = equal(answer, truth)
	}
	var published []string
	for _, f := range figures {
		agrees, err := f.Agrees(answer)
		if err != nil {
			return Outcome{}, err
		}
		o.Agree = o.Agree && agrees
		published = append(published, f.String())
	}
	o.Published = strings.Join(published, ", ")
	return o, nil
}

// decimalText prints whole numbers as such and everything else to 12 places,
// as query results do.
func decimalText(x *big.Rat) string {
	if x.IsInt() {
		return x.Num().String()
	}
	return strings.TrimRight(x.FloatString(12), "0")
}
