package catalog

import (
	"errors"
	"math/big"
	"regexp"
	"strings"
)

// Noise asks for a differentially private answer (PROTOCOL section 8): every
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

func parseEpsilon(s string) (*big.Rat, bool) {
	if !epsilonForm.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// epsilonText writes a sum of epsilons exactly.
func epsilonText(v *big.Rat) string {
	return strings.TrimSuffix(strings.TrimRight(v.FloatString(epsilonPlaces), "0"), ".")
}

// check refuses what is no epsilon of a query, or no delta.
func (n *Noise) check() *Refusal {
	if n == nil {
		return nil
	}
	epsilon, ok := parseEpsilon(n.Epsilon)
	if !ok || epsilon.Sign() <= 0 || epsilon.Cmp(big.NewRat(1, 1)) > 0 {
		return invalid("noise.epsilon", "epsilon %.40q is not a decimal number above 0 and at most 1", n.Epsilon).
			withFix("write it without an exponent, such as 0.5")
	}
	if n.Delta == "" {
		return nil
	}
	if delta, ok := parseDecimal(n.Delta); !ok || delta.Sign() <= 0 || delta.Cmp(big.NewRat(1, 1)) >= 0 {
		return invalid("noise.delta", "delta %.40q is not a number above 0 and below 1", n.Delta).
			withFix("write it such as 1e-9, or leave it out for Laplace noise")
	}
	return nil
}

// noiseFamily is the ledger of epsilon of a family: one over all its datasets
// and all buyers.
type noiseFamily struct {
	Dataset string `json:"dataset"` // whose policy set the limit
	Limit   string `json:"limit"`
	Spent   string `json:"spent"`
}

func noiseKey(owner, registry string) string { return prefixNoise + owner + "/" + registry }

// joinNoise holds a dataset to the budget of its family, or founds one. The
// ledger is shared, so a dataset with a higher limit would lift it for all.
func (c *call) joinNoise(d Descriptor) error {
	if d.Policy.DP == nil {
		return nil
	}
	limit, ok := parseEpsilon(d.Policy.DP.EpsilonFamily)
	if !ok {
		return invalid("policy.dp.epsilon_family", "%.40q is not a decimal number", d.Policy.DP.EpsilonFamily)
	}
	key := noiseKey(c.signer.ID, d.Registry)
	f, err := find[noiseFamily](c.tx, key)
	if errors.Is(err, ErrNotFound) {
		return put(c.tx, key, noiseFamily{Dataset: d.Dataset, Limit: epsilonText(limit), Spent: "0"})
	}
	if err != nil {
		return err
	}
	if epsilonText(limit) != f.Limit {
		r := conflict("family", "policy.dp.epsilon_family is %s, but %s in dataset %s on the same registry; there is one budget for all datasets of a publisher on one registry",
			epsilonText(limit), f.Limit, f.Dataset).withFix("set it to %s", f.Limit)
		r.Field = "policy.dp.epsilon_family"
		return r
	}
	return nil
}

// grantEpsilon narrows what a contract's noised queries may spend; 0 grants none.
func grantEpsilon(k *Contract, d Dataset, granted string) *Refusal {
	if granted == "" {
		return nil
	}
	dp := d.Descriptor.Policy.DP
	if dp == nil {
		return invalid("epsilon", "dataset %s does not offer noised answers: its policy has no dp", d.ID).withFix("leave epsilon out")
	}
	v, ok := parseEpsilon(granted)
	most, known := parseEpsilon(dp.EpsilonPerContract)
	switch {
	case !ok || !known:
		return invalid("epsilon", "%.40q is not a decimal number", granted).withFix("write it without an exponent, such as 2.5")
	case v.Cmp(most) > 0:
		return wider("epsilon", "the policy gives a contract an epsilon of %s, the approval grants %s", dp.EpsilonPerContract, granted)
	}
	k.Epsilon = epsilonText(v)
	return nil
}

// Account is a ledger of epsilon: a budget and what attempts have spent of it.
type Account struct {
	Limit string `json:"limit"`
	Spent string `json:"spent"`
	Left  string `json:"left"`
}

func newAccount(limit, spent *big.Rat) Account {
	left := new(big.Rat).Sub(limit, spent)
	if left.Sign() < 0 {
		left.SetInt64(0)
	}
	return Account{Limit: epsilonText(limit), Spent: epsilonText(spent), Left: epsilonText(left)}
}

// epsilonLimit is what the noised queries of a contract may spend together.
func (k Contract) epsilonLimit(p Policy) string {
	if k.Epsilon != "" {
		return k.Epsilon
	}
	return p.DP.EpsilonPerContract
}

func (k Contract) epsilonSpent() string {
	if k.EpsilonSpent == "" {
		return "0"
	}
	return k.EpsilonSpent
}

// NoiseAccount is the contract's account of epsilon under the policy of its
// dataset; false when the policy offers no noised answers.
func (k Contract) NoiseAccount(p Policy) (Account, bool) {
	if p.DP == nil {
		return Account{}, false
	}
	limit, ok := parseEpsilon(k.epsilonLimit(p))
	spent, also := parseEpsilon(k.epsilonSpent())
	if !ok || !also {
		return Account{}, false
	}
	return newAccount(limit, spent), true
}

// NoiseBudget is what a noised query costs and what there is to pay it from.
type NoiseBudget struct {
	Epsilon  string  `json:"epsilon"`      // a named attempt; a query has at most MostCost
	MostCost string  `json:"most_epsilon"` // of all attempts that it may take
	Contract Account `json:"contract"`     // of this contract
	Family   Account `json:"family"`       // of all the publisher's datasets on the registry, all buyers
}

// noiseLedger is a noised query's cost and its two accounts.
type noiseLedger struct {
	cost                         *big.Rat
	contractLimit, contractSpent *big.Rat
	familyLimit, familySpent     *big.Rat
	family                       noiseFamily
	familyKey                    string
}

// noiseAccounts reads the accounts that a noised query on d under k is paid
// from.
func noiseAccounts(r Reader, d Dataset, k Contract, n Noise) (l noiseLedger, err error) {
	l.familyKey = noiseKey(d.Owner, d.Descriptor.Registry)
	if l.family, err = find[noiseFamily](r, l.familyKey); err != nil {
		return l, err
	}
	for _, v := range []struct {
		into **big.Rat
		text string
	}{
		{&l.cost, n.Epsilon}, {&l.contractLimit, k.epsilonLimit(d.Descriptor.Policy)}, {&l.contractSpent, k.epsilonSpent()},
		{&l.familyLimit, l.family.Limit}, {&l.familySpent, l.family.Spent},
	} {
		x, ok := parseEpsilon(v.text)
		if !ok {
			return l, errors.New("the state holds " + v.text + " as an epsilon")
		}
		*v.into = x
	}
	return l, nil
}

// payable refuses what one of the accounts cannot pay.
func (l noiseLedger) payable(d Dataset, k Contract) *Refusal {
	affordable := l.affordable()
	short := func(rule string, a Account, whose string) *Refusal {
		r := refuse(RefusedPolicy, rule, "the query costs epsilon %s, and %s has %s left of %s", epsilonText(l.cost), whose, a.Left, a.Limit)
		r.Field = "noise.epsilon"
		r.Numbers = append(r.Numbers, Number{"epsilon", epsilonText(l.cost)}, Number{"left", a.Left}, Number{"spent", a.Spent}, Number{"limit", a.Limit})
		if affordable.Sign() <= 0 {
			return r.withFix("what is spent is never given back; ask for exact figures")
		}
		return r.withFix("ask with --epsilon %s or less", epsilonText(affordable))
	}
	over := func(limit, spent *big.Rat) bool { return new(big.Rat).Add(spent, l.cost).Cmp(limit) > 0 }
	b := l.budget()
	if over(l.contractLimit, l.contractSpent) {
		return short("epsilon_contract", b.Contract, "contract "+k.ID)
	}
	if over(l.familyLimit, l.familySpent) {
		return short("epsilon_family", b.Family, "the family of dataset "+d.ID+" (all buyers together)")
	}
	return nil
}

// affordable is what both accounts have left.
func (l noiseLedger) affordable() *big.Rat {
	contract, family := new(big.Rat).Sub(l.contractLimit, l.contractSpent), new(big.Rat).Sub(l.familyLimit, l.familySpent)
	if family.Cmp(contract) < 0 {
		return family
	}
	return contract
}

// noisedWith is the largest epsilon that a query under the contract could be asked
// with now; empty: none, because the policy offers no noise or nothing is left.
func noisedWith(r Reader, d Dataset, k Contract) (string, error) {
	dp := d.Descriptor.Policy.DP
	if dp == nil {
		return "", nil
	}
	l, err := noiseAccounts(r, d, k, Noise{Epsilon: dp.EpsilonPerQuery})
	if err != nil {
		return "", err
	}
	most := l.affordable()
	if l.cost.Cmp(most) < 0 {
		most = l.cost
	}
	if most.Sign() <= 0 {
		return "", nil
	}
	return epsilonText(most), nil
}

// noiseWords say how to ask for what is not released exactly, or instead of what.
func noiseWords(d Descriptor, noised, instead string) string {
	switch {
	case d.Policy.DP == nil:
		return instead + "; the policy offers no noise (dp)"
	case noised == "":
		return instead + "; the budget of answers with noise is used up"
	}
	return "ask with --epsilon " + noised + " or less"
}

func (l noiseLedger) budget() NoiseBudget {
	return NoiseBudget{
		Epsilon:  epsilonText(l.cost),
		MostCost: epsilonText(new(big.Rat).Mul(l.cost, big.NewRat(MaxAttempts, 1))),
		Contract: newAccount(l.contractLimit, l.contractSpent),
		Family:   newAccount(l.familyLimit, l.familySpent),
	}
}

// checkNoise refuses a noised query that the policy does not allow or whose
// first attempt could not be paid.
func checkNoise(r Reader, d Dataset, k Contract, q Request) error {
	n, dp := q.Noise, d.Descriptor.Policy.DP
	if n == nil {
		return nil
	}
	if dp == nil {
		r := refuse(RefusedPolicy, "dp", "dataset %s does not offer noised answers: its policy has no dp", d.ID).
			withFix("ask without --epsilon")
		r.Field = "noise"
		return r
	}
	if !encrypted(q.columns(d.Descriptor)) {
		r := refuse(RefusedInvalid, "noise_of_counts", "the query asks for counts alone, which are public and carry no noise").
			withFix("ask without --epsilon")
		r.Field = "noise"
		return r
	}
	for _, v := range [...]struct{ rule, field, asked, most, fix string }{
		{"epsilon_query", "epsilon", n.Epsilon, dp.EpsilonPerQuery, "ask with --epsilon %s or less"},
		{"delta_query", "delta", n.Delta, dp.Delta, "ask with --delta %s or less, or without for Laplace noise"},
	} {
		asked, ok := parseDecimal(v.asked)
		most, known := parseDecimal(v.most)
		if v.asked == "" || ok && known && asked.Cmp(most) <= 0 {
			continue
		}
		r := refuse(RefusedPolicy, v.rule, "the query asks for %s %s; dataset %s gives at most %s a query", v.field, v.asked, d.ID, v.most).
			withFix(v.fix, v.most)
		r.Field = "noise." + v.field
		r.Numbers = append(r.Numbers, Number{v.field, v.asked}, Number{"limit", v.most})
		return r
	}
	l, err := noiseAccounts(r, d, k, *n)
	if err != nil {
		return err
	}
	if no := l.payable(d, k); no != nil {
		return no
	}
	return nil
}

// payAttempt charges a noised query's attempt to its contract and its family.
// The refusal, of an attempt that either cannot pay, has changed nothing. What
// is charged is never given back: a failed attempt may have been seen by some.
func (c *call) payAttempt(q Query) (*Refusal, error) {
	n := q.Submit.Request.Noise
	if n == nil {
		return nil, nil
	}
	d, err := find[Dataset](c.tx, prefixDataset+q.Dataset)
	if err != nil {
		return nil, err
	}
	k, err := find[Contract](c.tx, prefixContract+q.Submit.Contract)
	if err != nil {
		return nil, err
	}
	l, err := noiseAccounts(c.tx, d, k, *n)
	if err != nil {
		return nil, err
	}
	if r := l.payable(d, k); r != nil {
		return r, nil
	}
	k.EpsilonSpent = epsilonText(l.contractSpent.Add(l.contractSpent, l.cost))
	l.family.Spent = epsilonText(l.familySpent.Add(l.familySpent, l.cost))
	if err := put(c.tx, prefixContract+k.ID, k); err != nil {
		return nil, err
	}
	return nil, put(c.tx, l.familyKey, l.family)
}

// NoiseBudget returns what a noised query would cost that principal and what is
// left to pay it; nil for an exact one.
func (v View) NoiseBudget(principal string, q QuerySubmit) (*NoiseBudget, error) {
	n := q.Request.Noise
	if n == nil {
		return nil, nil
	}
	p, err := v.Principal(principal)
	if err != nil {
		return nil, err
	}
	now, err := readClock(v.r)
	if err != nil {
		return nil, err
	}
	d, err := v.Dataset(q.Request.Dataset)
	if err != nil {
		return nil, err
	}
	k, err := contractFor(v.r, now, p, d, q.Contract)
	if err != nil {
		return nil, err
	}
	if r := n.check(); r != nil {
		return nil, r
	}
	if d.Descriptor.Policy.DP == nil {
		return nil, checkNoise(v.r, d, k, q.Request)
	}
	l, err := noiseAccounts(v.r, d, k, *n)
	if err != nil {
		return nil, err
	}
	b := l.budget()
	return &b, nil
}

// FamilyNoise returns the account of epsilon of an owner's datasets on a
// registry; ErrNotFound when none of them offers noised answers.
func (v View) FamilyNoise(owner, registry string) (Account, error) {
	f, err := find[noiseFamily](v.r, noiseKey(owner, registry))
	if err != nil {
		return Account{}, err
	}
	limit, ok := parseEpsilon(f.Limit)
	spent, also := parseEpsilon(f.Spent)
	if !ok || !also {
		return Account{}, errors.New("the state holds an epsilon that is none: " + f.Limit + ", " + f.Spent)
	}
	return newAccount(limit, spent), nil
}
