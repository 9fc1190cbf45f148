package catalog

import (
	"errors"
	"fmt"
	"slices"
)

// FuncWavg is the mean of a measure weighted by a private vector: Σwx and Σw.
const FuncWavg = "wavg"

// vectors are the ids of the private vectors that a request names: the selector
// first, then weights in the order of their first use.
func (q Request) vectors() []string {
	var out []string
	if q.In != "" {
		out = append(out, q.In)
	}
	for _, a := range q.Select {
		if a.Weight != "" && !slices.Contains(out, a.Weight) {
			out = append(out, a.Weight)
		}
	}
	return out
}

// columnsOf are the columns that an aggregate of the request is made of. With a
// private vector counts are private too, and they decode the sums, whose readings
// are centred.
func (q Request) columnsOf(a Aggregate, d Descriptor) []Column {
	switch {
	case a.Weight != "" && a.Measure == "":
		return []Column{{Count: true, Weight: a.Weight}}
	case a.Weight != "":
		return []Column{{Measure: a.Measure, Weight: a.Weight}, {Measure: a.Measure, Count: true, Weight: a.Weight}}
	case q.In != "" && a.Func == "count":
		return []Column{{Measure: a.Measure, Count: true}}
	case q.In != "":
		return []Column{{Measure: a.Measure}, {Measure: a.Measure, Count: true}}
	}
	return a.Columns(d)
}

// encrypted reports whether any column is made of readings: counts are not.
func encrypted(list []Column) bool {
	return slices.ContainsFunc(list, func(c Column) bool { return !c.Count })
}

// checkPrivate refuses what private vectors are not for.
func (q Request) checkPrivate() *Refusal {
	for i, a := range q.Select {
		field := fmt.Sprintf("select[%d]", i)
		switch {
		case a.Weight == "" && a.Func == FuncWavg:
			return invalid(field, "wavg takes a private vector of weights").
				withFix("ask for avg, or register weights: weir portfolio register")
		case a.Weight != "" && q.In != "":
			return invalid(field, "a query has a private selector or private weights, not both").
				withFix("register weights that are 0 for whoever is not selected")
		case a.Weight != "" && a.Func != "sum" && a.Func != FuncWavg:
			return invalid(field, "private weights are for sum and wavg, not for %.40q", a.Func).
				withFix("ask for the sum or the weighted mean")
		case a.Weight != "" && (a.Other != "" || a.Func == FuncWavg && a.Measure == ""):
			return invalid(field, "%s of a private vector takes one measure", a.Func).withFix("name one measure of the dataset")
		case q.In != "" && a.Func != "count" && a.Func != "sum" && a.Func != "avg":
			return invalid(field, "private selectors are for count, sum and avg, not for %.40q", a.Func).
				withFix("ask for those, or without the portfolio")
		}
	}
	return nil
}

// checkExactWeights refuses weighted sums without noise: two weights of 2^15 and 1 tell
// the second reading modulo 2^15. noised is the largest epsilon that could be asked
// with.
func (q Request) checkExactWeights(d Descriptor, noised string) *Refusal {
	for i, a := range q.Select {
		if a.Weight == "" || a.Measure == "" || q.Noise != nil {
			continue
		}
		r := refuse(RefusedPolicy, "weights", "sums with private weights are released with noise only")
		r.Field = fmt.Sprintf("select[%d]", i)
		return r.withFix("%s", noiseWords(d, noised, "ask for sums without weights"))
	}
	return nil
}

// useVectors looks up the vectors that a request names: its asker's own, ready, on
// the dataset's registry, of the cluster's roster. In a preview NewVector stands
// for a selector that is not registered yet. It returns what the verdict says of
// them, and the selector's commitment.
func (j *judgement) useVectors(r Reader, p Principal, q Request, reg Registry, preview bool) error {
	for _, id := range q.vectors() {
		if preview && id == NewVector && id == q.In {
			j.vectors = append(j.vectors, VectorUse{ID: id, Name: id, Bits: 1, Entities: reg.Rows})
			j.commitments = append(j.commitments, Digest{})
			continue
		}
		v, err := find[Vector](r, prefixVector+id)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err != nil || v.Owner != p.ID {
			// Another's vector is not told from none.
			return refuse(RefusedUnknown, "vector", "you have no private vector %.80q", id).withFix("register one: weir portfolio register")
		}
		switch {
		case v.State != VectorReady:
			r := conflict("vector_state", "vector %s (%s version %d) is %s", v.ID, v.Name, v.Version, v.State)
			if v.Over() {
				return r.withFix("register it anew: weir portfolio register %s FILE.csv", v.Name)
			}
			return r.withFix("wait until all nodes have checked it: weir portfolio show %s", v.Name)
		case v.Registry != reg.ID:
			return refuse(RefusedInvalid, "vector_registry", "vector %s is on registry %s, dataset %s on %s", v.Name, v.Registry, q.Dataset, reg.ID).
				withFix("register it on %s: weir portfolio register %s FILE.csv --registry %s", reg.ID, v.Name, reg.ID)
		case id == q.In && v.Bits != 1:
			return invalid("in", "vector %s holds weights of %d bits, a selector has one bit an entity", v.Name, v.Bits).
				withFix("register the list without weights, under another name")
		}
		j.vectors = append(j.vectors, VectorUse{ID: v.ID, Name: v.Name, Bits: v.Bits, Decimals: v.Decimals, Entities: v.Entities})
		j.commitments = append(j.commitments, v.Commitment)
	}
	return nil
}

// VectorNamed is a private vector that a query was answered with, and its
// commitment: the digest of the envelope that registered it.
type VectorNamed struct {
	ID         string `json:"id"`
	Commitment Digest `json:"commitment"`
}

func (j judgement) named() []VectorNamed {
	var out []VectorNamed
	for i, v := range j.vectors {
		out = append(out, VectorNamed{ID: v.ID, Commitment: j.commitments[i]})
	}
	return out
}

// weight is the largest weight of a column: 1 where there is none.
func (v Verdict) weight(c Column) int64 {
	i := slices.IndexFunc(v.Vectors, func(u VectorUse) bool { return u.ID == c.Weight })
	if c.Weight == "" || i < 0 {
		return 1
	}
	return 1<<v.Vectors[i].Bits - 1
}

// taken reports whether a class has been answered exactly for as many other
// selectors as the family allows (PROTOCOL section 6). A further one, or a changed
// one, would tell two portfolios apart. The pool is never answered for one: it
// would be frozen, and those who enter it later could never leave it.
func (k *cohort) taken(class int) bool {
	return k.request.In != "" && !k.loose() && (class == poolClass || !k.outcome.classes.mayFreeze(class, k.selector, k.kin.family.Portfolios))
}

// frozenForOthers refuses a private query all of whose classes are taken.
func (k *cohort) frozenForOthers() *Refusal {
	n := 0
	for e, g := range k.assign {
		if g >= 0 && k.taken(int(k.outcome.classes.class(e))) {
			n++
		}
	}
	if k.request.In == "" || n == 0 {
		return nil
	}
	most := max(k.kin.family.Portfolios, 1)
	others := "another portfolio"
	if most > 1 {
		others = fmt.Sprintf("%d other portfolios", most)
	}
	r := refuse(RefusedPolicy, "portfolio", "nothing can be released exactly: %d of the entities are in classes that were answered for %s, which is as many as dataset %s allows",
		n, others, k.descriptor.Dataset).withNumber("entities", int64(n)).withNumber("portfolios", int64(most))
	r.Field = "in"
	return r.withFix("%s", noiseWords(k.descriptor, k.noised, "ask for the portfolio as it was registered first"))
}
