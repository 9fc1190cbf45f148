package catalog

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// frozen is a class that is answered exactly for one private selector, named by
// the digest of its commitment, and is never cut again (PROTOCOL section 6). Where
// a family allows several portfolios a class has one entry for each.
type frozen struct {
	Class      int    `json:"class"`
	Commitment Digest `json:"commitment"`
	// Uses counts the queries that were accepted on it and did not fail their
	// cohort test. A class is free again only when every one of them failed it:
	// what another was, or may be, answered with must not be cut.
	Uses int `json:"uses"`
}

func compareFrozen(a, b frozen) int {
	return cmp.Or(cmp.Compare(a.Class, b.Class), bytes.Compare(a.Commitment[:], b.Commitment[:]))
}

// frozenIn are the entries of a class.
func (p *partition) frozenIn(class int) []frozen {
	from, _ := slices.BinarySearchFunc(p.frozen, frozen{Class: class}, compareFrozen)
	to := from
	for to < len(p.frozen) && p.frozen[to].Class == class {
		to++
	}
	return p.frozen[from:to]
}

func (p *partition) isFrozen(class int) bool { return len(p.frozenIn(class)) > 0 }

// mayFreeze reports whether a class is bound to the commitment or to fewer others
// than most, at least one.
func (p *partition) mayFreeze(class int, commitment Digest, most int) bool {
	list := p.frozenIn(class)
	return len(list) < max(most, 1) || slices.ContainsFunc(list, func(f frozen) bool { return f.Commitment == commitment })
}

// freeze binds classes to a commitment once more.
func (p *partition) freeze(classes []int, commitment Digest) *partition {
	q := *p
	q.frozen = slices.Clone(p.frozen)
	for _, c := range classes {
		f := frozen{Class: c, Commitment: commitment, Uses: 1}
		i, known := slices.BinarySearchFunc(q.frozen, f, compareFrozen)
		if known {
			q.frozen[i].Uses++
		} else {
			q.frozen = slices.Insert(q.frozen, i, f)
		}
	}
	return &q
}

// thaw takes back what one query froze, whose cohort test failed. Cuts are not
// undone.
func (p *partition) thaw(classes []int, commitment Digest) *partition {
	q := *p
	q.frozen = slices.Clone(p.frozen)
	for _, c := range classes {
		i, known := slices.BinarySearchFunc(q.frozen, frozen{Class: c, Commitment: commitment}, compareFrozen)
		if !known {
			continue
		}
		if q.frozen[i].Uses--; q.frozen[i].Uses <= 0 {
			q.frozen = slices.Delete(q.frozen, i, i+1)
		}
	}
	return &q
}

// with is the same classes, frozen otherwise.
func (k *classes) with(p *partition) *classes {
	out := *k
	out.partition = p
	return &out
}

// classNumbers are the classes that a verdict releases.
func (v Verdict) classNumbers() []int {
	var out []int
	for _, p := range v.Parts {
		out = append(out, p.Class)
	}
	return out
}

// failCohort takes a member's word that the cohort test of a private query failed.
// The test says one bit, and with all members of the attempt agreed the query is
// over: nothing of it was opened, so its classes are as free as before.
func failCohort(c *call, b CohortFailed) error {
	q, a, err := c.runningQuery(b.Query, b.Attempt)
	if err != nil {
		return err
	}
	d, err := find[Dataset](c.tx, prefixDataset+q.Dataset)
	if err != nil {
		return err
	}
	switch {
	case !slices.Contains(a.Active, c.node.ID):
		return forbidden("member", "node %s is not in the active set", c.node.ID)
	case q.Submit.Request.In == "" || q.Submit.Request.Noise != nil || d.Descriptor.Policy.Public:
		return conflict("cohort", "query %s has no cohort test", q.ID)
	case slices.Contains(q.Cohort, c.node.ID):
		return conflict("twice", "node %s has said so", c.node.ID)
	case slices.Contains(q.Shares, c.node.ID):
		return conflict("cohort", "node %s has sent its share, so the test passed", c.node.ID)
	}
	q.Cohort = c.inOrder(append(q.Cohort, c.node.ID))
	if len(q.Cohort) < len(a.Active) {
		return c.putQuery(q)
	}
	k, err := find[Contract](c.tx, prefixContract+q.Submit.Contract)
	if err != nil {
		return err
	}
	if err := c.thawQuery(q, d); err != nil {
		return err
	}
	if err := c.dropShares(&q); err != nil {
		return err
	}
	a.Failed = "the cohort test failed"
	return c.endQuery(q, fmt.Sprintf("cohort: in some class and period the selected entities, or the others, are fewer than %d and not none; leave out of the portfolio what the preview names (weir portfolio register … --leave-out), or ask with noise where the policy has dp",
		max(k.MinCohort, d.Descriptor.Policy.MinCohort)))
}

// thawQuery takes back what a query froze. A repeat froze nothing.
func (c *call) thawQuery(q Query, d Dataset) error {
	if q.Repeats != "" {
		return nil
	}
	verdict, err := find[Verdict](c.tx, prefixVerdict+q.ID)
	if err != nil {
		return err
	}
	v, err := find[Vector](c.tx, prefixVector+q.Submit.Request.In)
	if err != nil {
		return err
	}
	k, err := kinshipOf(c.tx, d)
	if err != nil {
		return err
	}
	before, err := c.machine.classesOf(c.tx, k.owner, k.registry, &k.family)
	if err != nil {
		return err
	}
	if err := c.adopt(k, before.with(before.thaw(verdict.classNumbers(), v.Commitment))); err != nil {
		return err
	}
	return c.putFamily(k)
}
