package catalog

import (
	"cmp"
	"math/big"

	"github.com/weirdata/weir/catalog/decimal"
)

// Noise asks for a differentially private answer (PROTOCOL.md section 8): every
// number that would be opened carries discrete Laplace noise (no delta) or
// Gaussian noise (with one) for that epsilon over the whole query. Both are
// decimal text, so that no two nodes round them differently.
type Noise struct {
	Epsilon string `json:"epsilon"`
	Delta   string `json:"delta,omitempty"`
}

// Check refuses what is no epsilon of a query, or no delta.
func (n *Noise) Check() *Refusal {
	if n == nil {
		return nil
	}
	epsilon, ok := decimal.ParseEpsilon(n.Epsilon)
	if !ok || epsilon.Sign() <= 0 || epsilon.Cmp(big.NewRat(1, 1)) > 0 {
		return Invalid("noise.epsilon", "noise.epsilon", n.Epsilon)
	}
	if n.Delta == "" {
		return nil
	}
	if delta, ok := decimal.ParseNumber(n.Delta); !ok || delta.Sign() <= 0 || delta.Cmp(big.NewRat(1, 1)) >= 0 {
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
	return Account{Limit: decimal.EpsilonText(limit), Spent: decimal.EpsilonText(spent), Left: decimal.EpsilonText(left)}
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
	limit, ok := decimal.ParseEpsilon(k.NoiseLimit(p))
	spent, also := decimal.ParseEpsilon(k.NoiseSpent())
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
