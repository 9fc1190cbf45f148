package catalog

import (
	"cmp"
	"math/big"
	"regexp"
	"strings"

	"github.com/weirdata/weir/catalog/decimal"
)

// moneyDecimals are the digits after the point that amounts are counted in.
const moneyDecimals = 6

// amountForm is that of amounts of money, with at most moneyDecimals digits after the point.
var amountForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$`)

// Amount reads an amount that the state holds; empty is nothing.
func Amount(s string) *big.Int {
	whole, fraction, _ := strings.Cut(s, ".")
	zeros := strings.Repeat("0", max(moneyDecimals-len(fraction), 0))
	if v, ok := new(big.Int).SetString(whole+fraction+zeros, 10); ok {
		return v
	}
	return new(big.Int)
}

// formatAmount writes an amount with at least two digits after the point and no
// more than it needs.
func formatAmount(v *big.Int) string {
	text := decimal.Fixed(v, moneyDecimals)
	least := len(text) - moneyDecimals + 2
	return text[:least] + strings.TrimRight(text[least:], "0")
}

// AddAmounts adds decimal amounts of one currency, exactly. What is empty or no
// amount counts as nothing.
func AddAmounts(amounts ...string) string {
	sum := new(big.Int)
	for _, a := range amounts {
		sum.Add(sum, Amount(a))
	}
	return formatAmount(sum)
}

// SubtractAmount is a − b.
func SubtractAmount(a, b string) string {
	return formatAmount(new(big.Int).Sub(Amount(a), Amount(b)))
}

// IsAmount reports whether s is an amount of money of the form that orders and
// prices have: "10.00", up to 12 digits before the point and 6 after it.
func IsAmount(s string) bool { return amountForm.MatchString(s) }

// Noise asks for a differentially private answer (PROTOCOL.md section 8): every
// number that would be opened carries discrete Laplace noise (no delta) or
// Gaussian noise (with one) for that epsilon over the whole query. Both are
// decimal text, so that no two nodes round them differently.
type Noise struct {
	Epsilon string `json:"epsilon"`
	Delta   string `json:"delta,omitempty"`
}

// epsilonForm is what an epsilon may look like: no sign and no exponent, so that
// every sum of epsilons is a decimal of twelve places.
var epsilonForm = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,12})?$`)

// epsilonPlaces is the number of places of an epsilon and of a sum of them.
const epsilonPlaces = 12

// ParseEpsilon reads an amount of epsilon exactly; false when it is none.
func ParseEpsilon(s string) (*big.Rat, bool) {
	if !epsilonForm.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// EpsilonText writes a sum of epsilons exactly.
func EpsilonText(v *big.Rat) string {
	return strings.TrimSuffix(strings.TrimRight(v.FloatString(epsilonPlaces), "0"), ".")
}

// Check refuses what is no epsilon of a query, or no delta.
func (n *Noise) Check() *Refusal {
	if n == nil {
		return nil
	}
	epsilon, ok := ParseEpsilon(n.Epsilon)
	if !ok || epsilon.Sign() <= 0 || epsilon.Cmp(big.NewRat(1, 1)) > 0 {
		return Invalid("noise.epsilon", "noise.epsilon", n.Epsilon)
	}
	if n.Delta == "" {
		return nil
	}
	if delta, ok := ParseDecimal(n.Delta); !ok || delta.Sign() <= 0 || delta.Cmp(big.NewRat(1, 1)) >= 0 {
		return Invalid("noise.delta", "noise.delta", n.Delta)
	}
	return nil
}

// Account is a ledger of epsilon: a budget and what attempts have spent of it.
type Account struct {
	Limit string `json:"limit"`
	Spent string `json:"spent"`
	Left  string `json:"left"`
}

// NewAccount is the account of a limit of which so much is spent. Less than nothing is
// never left.
func NewAccount(limit, spent *big.Rat) Account {
	left := new(big.Rat).Sub(limit, spent)
	if left.Sign() < 0 {
		left.SetInt64(0)
	}
	return Account{Limit: EpsilonText(limit), Spent: EpsilonText(spent), Left: EpsilonText(left)}
}

// NoiseLimit is what the noised queries of a contract may spend together.
func (k Contract) NoiseLimit(p Policy) string {
	if k.Epsilon != "" {
		return k.Epsilon
	}
	return p.DP.EpsilonPerContract
}

// NoiseSpent is the epsilon that the noised queries of a contract have spent.
func (k Contract) NoiseSpent() string { return cmp.Or(k.EpsilonSpent, "0") }

// NoiseAccount is the contract's account of epsilon under the policy of its
// dataset; false when the policy offers no noised answers.
func (k Contract) NoiseAccount(p Policy) (Account, bool) {
	if p.DP == nil {
		return Account{}, false
	}
	limit, ok := ParseEpsilon(k.NoiseLimit(p))
	spent, also := ParseEpsilon(k.NoiseSpent())
	if !ok || !also {
		return Account{}, false
	}
	return NewAccount(limit, spent), true
}

// NoiseBudget is what a noised query costs and what there is to pay it from.
type NoiseBudget struct {
	Epsilon  string  `json:"epsilon"`      // a named attempt; a query has at most MostCost
	MostCost string  `json:"most_epsilon"` // of all attempts that it may take
	Contract Account `json:"contract"`     // of this contract
	Family   Account `json:"family"`       // of all the publisher's datasets on the registry, all buyers
}

// NoiseFix says how to ask for what is not released exactly, or by the code instead what
// to ask for in its place.
func NoiseFix(d Descriptor, noised, instead string) []Reason {
	switch {
	case d.Policy.DP == nil:
		return []Reason{Why(instead), Why("fix.no_noise")}
	case noised == "":
		return []Reason{Why(instead), Why("fix.noise_used_up")}
	}
	return []Reason{Why("fix.epsilon", noised)}
}
