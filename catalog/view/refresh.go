package view

import (
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
)

// RefreshSchedule is how old shares may get; zero: nobody has said.
func (v View) RefreshSchedule() (resharing.Schedule, error) {
	s, _, err := records.Lookup[resharing.Schedule](v.r, records.KeySchedule)
	return s, err
}

// RefreshDue is what is to be shared anew at a time by the schedule.
func (v View) RefreshDue(now int64) ([]catalog.Key, []catalog.Vector, error) {
	return RefreshDue(v.r, now)
}

// RefreshDue is what is to be shared anew at a time by the schedule: keys and vectors whose shares
// are too old and of which no new ones are being made.
func RefreshDue(r records.Reader, now int64) (keys []catalog.Key, vectors []catalog.Vector, err error) {
	s, _, err := records.Lookup[resharing.Schedule](r, records.KeySchedule)
	if err != nil || s.Every == 0 {
		return nil, nil, err
	}
	if keys, err = records.List[catalog.Key](r, records.PrefixKey); err != nil {
		return nil, nil, err
	}
	cluster, err := records.Find[catalog.Cluster](r, records.KeyCluster)
	if err != nil {
		return nil, nil, err
	}
	keys = slices.DeleteFunc(keys, func(k catalog.Key) bool {
		return k.State != catalog.KeyReady || k.Refresh != nil || roster.Unerased(cluster, k, now) != nil || now < resharing.SharedAt(k)+s.Every
	})
	if now < s.VectorsFrom() {
		return keys, nil, nil
	}
	if vectors, err = readyVectors(r); err != nil {
		return nil, nil, err
	}
	wanted, err := records.ListNamed[catalog.Vector](r, records.PrefixTodoMove, records.PrefixVector)
	if err != nil {
		return nil, nil, err
	}
	erasing, err := unerasedMoves(r, cluster, now)
	if err != nil {
		return nil, nil, err
	}
	vectors = slices.DeleteFunc(vectors, func(x catalog.Vector) bool {
		return slices.Contains(erasing, x.Moving) || now < x.InForce().At+s.Every || x.Holders(cluster) < x.InForce().Threshold ||
			slices.ContainsFunc(wanted, func(w catalog.Vector) bool { return w.ID == x.ID })
	})
	return keys, vectors, nil
}

// unerasedMoves are the numbers of the moves that are waited for: by their steps, or until all have erased
// what is from before (roster.WithoutLate).
func unerasedMoves(r records.Reader, cluster catalog.Cluster, now int64) (numbers []uint64, err error) {
	moves, err := records.List[resharing.Move](r, records.PrefixMove)
	for _, m := range moves {
		if m.State != resharing.Erasing || slices.Contains(roster.WithoutLate(cluster, m.Members(), m.Erased, m.InForce, now), false) {
			numbers = append(numbers, m.Seq)
		}
	}
	return numbers, err
}
