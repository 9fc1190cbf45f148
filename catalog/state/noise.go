package state

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
)

// joinNoise holds a dataset to the budget of its family, or founds one. The
// ledger is shared, so a dataset with a higher limit would lift it for all.
func joinNoise(c *applyContext, d catalog.Descriptor) error {
	if d.Policy.DP == nil {
		return nil
	}
	limit, ok := decimal.ParseEpsilon(d.Policy.DP.EpsilonFamily)
	if !ok {
		return catalog.Invalid("policy.dp.epsilon_family", "noise.family_number", d.Policy.DP.EpsilonFamily)
	}
	key := records.NoiseKey(c.signer.ID, d.Registry)
	f, known, err := records.Lookup[records.NoiseFamily](c.tx, key)
	if err != nil {
		return err
	}
	if !known {
		f = records.NoiseFamily{Dataset: d.Dataset, Limit: decimal.EpsilonText(limit), Spent: "0"}
		restored, again, err := records.Lookup[recovery.Restored](c.tx, records.KeyRestore)
		if err != nil {
			return err
		}
		if again && restored.LostAt > 0 { // it may have been there, and spent what nobody knows
			f = f.Lost()
		}
		return records.Put(c.tx, key, f)
	}
	if decimal.EpsilonText(limit) != f.Limit {
		return catalog.Conflict("family", "noise.family_limit", decimal.EpsilonText(limit), f.Limit, f.Dataset).
			WithField("policy.dp.epsilon_family")
	}
	return nil
}

// payAttempt charges a noised query's attempt to its contract and its family.
// The refusal, of an attempt that either cannot pay, has changed nothing. What
// is charged is never given back: a failed attempt may have been seen by some.
func payAttempt(c *applyContext, q catalog.Query) (*catalog.Refusal, error) {
	n := q.Submit.Request.Noise
	if n == nil {
		return nil, nil
	}
	d, err := records.DatasetAt(c.tx, q.Dataset, q.Amended)
	if err != nil {
		return nil, err
	}
	k, err := records.Find[catalog.Contract](c.tx, records.PrefixContract+q.Submit.Contract)
	if err != nil {
		return nil, err
	}
	l, err := judge.ReadNoiseAccounts(c.tx, d, k, *n)
	if err != nil {
		return nil, err
	}
	if r := l.Payable(d, k); r != nil {
		return r, nil
	}
	k.EpsilonSpent = decimal.EpsilonText(l.ContractSpent.Add(l.ContractSpent, l.Cost))
	l.Family.Spent = decimal.EpsilonText(l.FamilySpent.Add(l.FamilySpent, l.Cost))
	if err := records.Put(c.tx, records.PrefixContract+k.ID, k); err != nil {
		return nil, err
	}
	return nil, records.Put(c.tx, l.FamilyKey, l.Family)
}
