package judge

import (
	"errors"
	"math/big"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/records"
)

// NoiseAccounts is a noised query's cost and its two accounts.
type NoiseAccounts struct {
	Cost                         *big.Rat
	contractLimit, ContractSpent *big.Rat
	familyLimit, FamilySpent     *big.Rat
	Family                       records.NoiseFamily
	FamilyKey                    string
}

// ReadNoiseAccounts reads the accounts that a noised query on d under k is paid
// from.
func ReadNoiseAccounts(r records.Reader, d catalog.Dataset, k catalog.Contract, n catalog.Noise) (l NoiseAccounts, err error) {
	l.FamilyKey = records.NoiseKey(d.Owner, d.Descriptor.Registry)
	if l.Family, err = records.Find[records.NoiseFamily](r, l.FamilyKey); err != nil {
		return l, err
	}
	for _, v := range []struct {
		into **big.Rat
		text string
	}{
		{&l.Cost, n.Epsilon}, {&l.contractLimit, k.NoiseLimit(d.Descriptor.Policy)}, {&l.ContractSpent, k.NoiseSpent()},
		{&l.familyLimit, l.Family.Limit}, {&l.FamilySpent, l.Family.Spent},
	} {
		x, ok := decimal.ParseEpsilon(v.text)
		if !ok {
			return l, errors.New("the state holds " + v.text + " as an epsilon")
		}
		*v.into = x
	}
	return l, nil
}

// Payable refuses what one of the accounts cannot pay.
func (l NoiseAccounts) Payable(d catalog.Dataset, k catalog.Contract) *catalog.Refusal {
	affordable := l.affordable()
	short := func(rule, code string, a catalog.Account, whose string) *catalog.Refusal {
		r := catalog.Refuse(catalog.RefusedPolicy, rule, code, decimal.EpsilonText(l.Cost), a.Left, a.Limit, whose)
		r.Field = "noise.epsilon"
		r.Numbers = append(r.Numbers, catalog.Number{Name: "epsilon", Value: decimal.EpsilonText(l.Cost)}, catalog.Number{Name: "left", Value: a.Left}, catalog.Number{Name: "spent", Value: a.Spent}, catalog.Number{Name: "limit", Value: a.Limit})
		if affordable.Sign() <= 0 {
			return r.WithFix("fix.spent_for_good")
		}
		return r.WithFix("fix.epsilon", decimal.EpsilonText(affordable))
	}
	over := func(limit, spent *big.Rat) bool { return new(big.Rat).Add(spent, l.Cost).Cmp(limit) > 0 }
	b := l.budget()
	if over(l.contractLimit, l.ContractSpent) {
		return short("epsilon_contract", "noise.contract_short", b.Contract, k.ID)
	}
	if over(l.familyLimit, l.FamilySpent) {
		return short("epsilon_family", "noise.family_short", b.Family, d.ID)
	}
	return nil
}

// affordable is what both accounts have left.
func (l NoiseAccounts) affordable() *big.Rat {
	contract, family := new(big.Rat).Sub(l.contractLimit, l.ContractSpent), new(big.Rat).Sub(l.familyLimit, l.FamilySpent)
	if family.Cmp(contract) < 0 {
		return family
	}
	return contract
}

// noisedWith is the largest epsilon that a query under the contract could be asked
// with now; empty: none, because the policy offers no noise or nothing is left.
func noisedWith(r records.Reader, d catalog.Dataset, k catalog.Contract) (string, error) {
	dp := d.Descriptor.Policy.DP
	if dp == nil {
		return "", nil
	}
	l, err := ReadNoiseAccounts(r, d, k, catalog.Noise{Epsilon: dp.EpsilonPerQuery})
	if err != nil {
		return "", err
	}
	most := l.affordable()
	if l.Cost.Cmp(most) < 0 {
		most = l.Cost
	}
	if most.Sign() <= 0 {
		return "", nil
	}
	return decimal.EpsilonText(most), nil
}

func (l NoiseAccounts) budget() catalog.NoiseBudget {
	return catalog.NoiseBudget{
		Epsilon:  decimal.EpsilonText(l.Cost),
		MostCost: decimal.EpsilonText(new(big.Rat).Mul(l.Cost, big.NewRat(catalog.MaxAttempts, 1))),
		Contract: catalog.NewAccount(l.contractLimit, l.ContractSpent),
		Family:   catalog.NewAccount(l.familyLimit, l.FamilySpent),
	}
}

// checkNoise refuses a noised query that the policy does not allow or whose
// first attempt could not be paid.
func checkNoise(r records.Reader, d catalog.Dataset, k catalog.Contract, q catalog.Request) error {
	n, dp := q.Noise, d.Descriptor.Policy.DP
	if n == nil {
		return nil
	}
	if dp == nil {
		return catalog.Refuse(catalog.RefusedPolicy, "dp", "noise.not_offered", d.ID).WithField("noise")
	}
	if !AnyEncrypted(q.Columns(d.Descriptor)) {
		return catalog.Refuse(catalog.RefusedInvalid, "noise_of_counts", "noise.of_counts").
			WithField("noise")
	}
	for _, v := range [...]struct{ rule, field, asked, most, code string }{
		{"epsilon_query", "epsilon", n.Epsilon, dp.EpsilonPerQuery, "noise.epsilon_query"},
		{"delta_query", "delta", n.Delta, dp.Delta, "noise.delta_query"},
	} {
		asked, ok := decimal.ParseNumber(v.asked)
		most, known := decimal.ParseNumber(v.most)
		if v.asked == "" || ok && known && asked.Cmp(most) <= 0 {
			continue
		}
		r := catalog.Refuse(catalog.RefusedPolicy, v.rule, v.code, v.asked, d.ID, v.most)
		r.Field = "noise." + v.field
		r.Numbers = append(r.Numbers, catalog.Number{Name: v.field, Value: v.asked}, catalog.Number{Name: "limit", Value: v.most})
		return r
	}
	l, err := ReadNoiseAccounts(r, d, k, *n)
	if err != nil {
		return err
	}
	if no := l.Payable(d, k); no != nil {
		return no
	}
	return nil
}

// NoiseBudget returns what a noised query would cost that principal and what is
// left to pay it; nil for an exact one.
func NoiseBudget(r records.Reader, principal string, q catalog.QuerySubmit) (*catalog.NoiseBudget, error) {
	n := q.Request.Noise
	if n == nil {
		return nil, nil
	}
	p, now, err := askerOf(r, principal)
	if err != nil {
		return nil, err
	}
	d, err := records.Find[catalog.Dataset](r, records.PrefixDataset+q.Request.Dataset)
	if err != nil {
		return nil, err
	}
	k, err := contractFor(r, now, p, d, q.Contract)
	if err != nil {
		return nil, err
	}
	if no := n.Check(); no != nil {
		return nil, no
	}
	if d.Descriptor.Policy.DP == nil {
		return nil, checkNoise(r, d, k, q.Request)
	}
	l, err := ReadNoiseAccounts(r, d, k, *n)
	if err != nil {
		return nil, err
	}
	b := l.budget()
	return &b, nil
}
