package judge

import (
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// AnyEncrypted reports whether any column is made of readings: counts are not.
func AnyEncrypted(list []catalog.Column) bool {
	return slices.ContainsFunc(list, func(c catalog.Column) bool { return !c.Count })
}

// checkExactWeights refuses weighted sums without noise: two weights of 2^15 and 1 tell
// the second reading modulo 2^15. noised is the largest epsilon that could be asked
// with.
func checkExactWeights(q catalog.Request, d catalog.Descriptor, noised string) *catalog.Refusal {
	for i, a := range q.Select {
		if a.Weight == "" || a.Measure == "" || q.Noise != nil {
			continue
		}
		return catalog.Refuse(catalog.RefusedPolicy, "weights", "private.weights_exact").
			WithField(fmt.Sprintf("select[%d]", i)).WithFixes(catalog.NoiseFix(d, noised, "fix.unweighted")...)
	}
	return nil
}

// useVectors looks up the vectors that a request names: its asker's own, ready, on
// the dataset's registry, of the cluster's roster. In a preview NewVector stands
// for a selector that is not registered yet.
func (j *Judgement) useVectors(q catalog.Request, reg catalog.Registry, preview bool) error {
	for _, id := range q.Vectors() {
		if preview && id == catalog.NewVector && id == q.In {
			j.vectors = append(j.vectors, catalog.VectorUse{ID: id, Name: id, Bits: 1, Pieces: 1, Entities: reg.Rows, By: standsBy(q)})
			continue
		}
		v, err := records.Find[catalog.Vector](j.r, records.PrefixVector+id)
		if err != nil && !errors.Is(err, records.ErrNotFound) {
			return err
		}
		if err != nil || v.Owner != j.asker.ID {
			// Another's vector is not told from none.
			return catalog.Refuse(catalog.RefusedUnknown, "vector", "vector.none", id)
		}
		cluster, err := records.Find[catalog.Cluster](j.r, records.KeyCluster)
		if err != nil {
			return err
		}
		switch holding, needed := v.Holders(cluster), v.InForce().Threshold; {
		case holding < needed:
			return catalog.Conflict("vector_state", "vector.lost", v.ID, v.Name, holding, needed).WithFix("fix.vector_anew", v.Name)
		case v.State != catalog.VectorReady:
			r := catalog.Conflict("vector_state", "vector.not_ready", v.ID, v.Name, v.Version, v.State)
			if v.Over() {
				return r.WithFix("fix.vector_anew", v.Name)
			}
			return r.WithFix("fix.vector_wait", v.Name)
		case v.Registry != reg.ID:
			return catalog.Refuse(catalog.RefusedInvalid, "vector_registry", "vector.registry", v.Name, v.Registry, q.Dataset, reg.ID)
		case id == q.In && !v.Selects():
			return catalog.Invalid("in", "vector.weights", v.Name, v.Bits)
		case id != q.In && v.Pieces > 1:
			return catalog.Invalid("select", "vector.pieces_weigh", v.Name, v.Pieces)
		}
		if bits, err := v.LimitBits(); err != nil {
			return err
		} else if bits != nil {
			if j.limits == nil {
				j.limits = map[string][]int32{}
			}
			j.limits[v.ID] = bits
		}
		j.vectors = append(j.vectors, catalog.VectorUse{ID: v.ID, Name: v.Name, Bits: v.Bits, Pieces: v.Pieces, By: v.By, Decimals: v.Decimals, Entities: v.Entities, Commitment: v.Commitment})
	}
	return nil
}

// Named are the request's private vectors with what they are committed to, in the request's
// order.
func (j Judgement) Named() []catalog.VectorNamed {
	var out []catalog.VectorNamed
	for _, v := range j.vectors {
		out = append(out, catalog.VectorNamed{ID: v.ID, Commitment: v.Commitment})
	}
	return out
}

// largestWeight is the largest weight of a column: 1 where there is none.
func largestWeight(v catalog.Verdict, c catalog.Column) int64 {
	i := slices.IndexFunc(v.Vectors, func(u catalog.VectorUse) bool { return u.ID == c.Weight })
	if c.Weight == "" || i < 0 {
		return 1
	}
	return 1<<v.Vectors[i].Bits - 1
}

// standsBy are the attributes that a partition which is not registered yet is taken to be
// asked by: those that the request uses.
func standsBy(q catalog.Request) []string {
	var out []string
	for _, d := range q.By {
		if d.Kind == catalog.DimAttribute {
			out = append(out, d.Column)
		}
	}
	for _, column := range q.Where.Columns() {
		if column != "" {
			out = append(out, column)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
