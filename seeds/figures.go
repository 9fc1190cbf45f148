package seeds

import (
	"fmt"
	"math/big"
	"slices"
)

// Text is a phrase in English and in Chinese.
type Text struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// Relation says how a published figure bounds the truth.
type Relation string

// The relations that occur. Statement marks published facts without a number.
const (
	Exactly   Relation = "exactly"
	MoreThan  Relation = "more than"
	AtMost    Relation = "at most"
	Statement Relation = "statement"
)

// Figure is one published figure.
type Figure struct {
	ID       string   `json:"id"`
	Topic    Text     `json:"topic"`
	Text     Text     `json:"text"`
	Relation Relation `json:"relation"`
	// Value is an exact decimal in Unit, with Decimals digits after the point;
	// empty for a statement.
	Value    string `json:"value,omitempty"`
	Unit     string `json:"unit,omitempty"`
	Decimals int    `json:"decimals"`
	// Source is the line of the published text the figure stands in or, where
	// the text gives a fall and the later value, follows from.
	Source string `json:"source"`
	// Derived is set where the text implies the figure without printing it.
	Derived bool `json:"derived,omitempty"`
	// Data is the dataset or registry that reproduces it, empty for none.
	Data string `json:"data,omitempty"`
}

// Agrees reports whether an answer, rounded half away from zero to the
// figure's decimals, is what the figure says. A statement agrees with nothing.
func (f Figure) Agrees(answer *big.Rat) (bool, error) {
	if f.Relation == Statement {
		return false, nil
	}
	published, ok := new(big.Rat).SetString(f.Value)
	if !ok {
		return false, fmt.Errorf("figure %s: value %q is not a decimal", f.ID, f.Value)
	}
	rounded, _ := new(big.Rat).SetString(answer.FloatString(f.Decimals))
	switch f.Relation {
	case MoreThan:
		return answer.Cmp(published) > 0, nil
	case AtMost:
		return rounded.Cmp(published) <= 0, nil
	default:
		return rounded.Cmp(published) == 0, nil
	}
}

// String returns the figure as people write it: "more than 6200", "41 µg/m³".
func (f Figure) String() string {
	text := f.Value
	if f.Unit != "" {
		text += " " + f.Unit
	}
	if f.Relation == MoreThan || f.Relation == AtMost {
		text = string(f.Relation) + " " + text
	}
	return text
}

// Figures returns the table of published figures, in the order of the text.
// The caller owns the slice.
func Figures() []Figure { return slices.Clone(figureTable) }

// FigureByID returns the figure with that id.
func FigureByID(id string) (Figure, error) {
	for _, f := range figureTable {
		if f.ID == id {
			return f, nil
		}
	}
	return Figure{}, fmt.Errorf("no published figure has the id %q", id)
}
