package state

import (
	"cmp"
	"errors"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
)

// maxMoveTries bounds how often a vector is moved in vain, until an operator asks for it again
// or the roster changes: a dealer that lies may learn one bit of it each time (PROTOCOL.md
// section 6.9). It is more than any roster has windows of dealers.
const maxMoveTries = catalog.MaxNodes + 1

// moves are the moves of private vectors: which vectors wait for one, and those under way. They take of an entry
// what they write to, and the cluster as it has it so far.
type moves struct {
	tx      records.Tx
	cluster *catalog.Cluster
}

// moves are those of the state, by the cluster as the handler has left it so far.
func (c *applyContext) moves() moves { return moves{c.tx, c.cluster} }

// open returns a move in a state, and the place of the node that speaks among its members.
func (ms moves) open(seq uint64, state resharing.State, node string) (resharing.Move, int, error) {
	m, err := load[resharing.Move](ms.tx, records.PrefixMove+records.SeqName(seq), "unknown.move", seq)
	if err != nil {
		return m, 0, err
	}
	if m.State != state {
		return m, 0, catalog.Conflict("move_state", "move.state", m.Seq, m.State)
	}
	i := slices.Index(m.Members(), node)
	if i < 0 {
		return m, 0, catalog.Forbidden("member", "move.member", node, m.Seq)
	}
	return m, i, nil
}

// wantAll has every vector moved to the nodes of its roster (vectorRoster) as they are. A machine
// that takes a seat calls it after the cluster is stored, and names why: moves under way have dealt
// to the machine before and begin anew, and no node that is gone is waited for to erase its shares. Without a reason
// nothing changed but that new shares are asked for, and what is under way goes on.
func (ms moves) wantAll(why *catalog.Reason) error {
	all, err := records.List[resharing.Move](ms.tx, records.PrefixMove)
	if err != nil {
		return err
	}
	for _, m := range all {
		if why == nil {
			continue
		}
		if m.State == resharing.Erasing {
			err = ms.forgetGone(m)
		} else {
			err = ms.end(m, *why)
		}
		if err != nil {
			return err
		}
	}
	held, err := records.ListNamed[catalog.Vector](ms.tx, records.PrefixVectorHeld, records.PrefixVector)
	if err != nil {
		return err
	}
	for _, v := range held {
		if v.State != catalog.VectorReady || v.Holders(*ms.cluster) < v.InForce().Threshold {
			continue // registered under the new roster or not at all, or lost
		}
		if err := ms.want(v); err != nil {
			return err
		}
	}
	return nil
}

// follow has the vectors moved of the registries of a publisher whose key has moved.
func (ms moves) follow(k catalog.Key) error {
	held, err := records.ListNamed[catalog.Vector](ms.tx, records.PrefixVectorHeld, records.PrefixVector)
	if err != nil {
		return err
	}
	for _, v := range held {
		reg, err := records.Find[catalog.Registry](ms.tx, records.PrefixRegistry+v.Registry)
		if err != nil {
			return err
		}
		if reg.Owner != k.Publisher || v.State != catalog.VectorReady || v.InForce().Roster().Equal(k.Roster()) || v.Holders(*ms.cluster) < v.InForce().Threshold {
			continue
		}
		if err := ms.want(v); err != nil {
			return err
		}
	}
	return nil
}

// want has a vector moved.
func (ms moves) want(v catalog.Vector) error {
	v.Tried, v.Stays = 0, catalog.Reason{}
	return cmp.Or(todo(ms.tx, true, moveKey(v), v.ID), storeVector(ms.tx, v))
}

// moveKey is where it stands that a vector waits to be moved.
func moveKey(v catalog.Vector) string { return records.PrefixTodoMove + records.SeqName(v.Seq) }

func storeVector(tx records.Tx, v catalog.Vector) error {
	return records.Put(tx, records.PrefixVector+v.ID, v)
}

func (ms moves) store(m resharing.Move) error {
	return records.Put(ms.tx, records.PrefixMove+records.SeqName(m.Seq), m)
}

// forgetGone does not wait for machines that are in no seat any more to erase what they have:
// nobody can.
func (ms moves) forgetGone(m resharing.Move) error {
	still := ms.cluster.Holding(m.Seq)
	for i, id := range m.Members() {
		m.Erased[i] = m.Erased[i] || !slices.Contains(still, id)
	}
	return ms.overIfErased(m)
}

// leave leaves a vector of a move where it is.
func (ms moves) leave(m *resharing.Move, i int, why catalog.Reason) error {
	if !m.Moves(i) {
		return nil
	}
	m.Out[i] = why
	v, err := records.Find[catalog.Vector](ms.tx, records.PrefixVector+m.Vectors[i])
	if err != nil {
		return err
	}
	v.Moving, v.Stays = 0, why
	if v.Tried++; v.Tried >= maxMoveTries {
		if err := todo(ms.tx, false, moveKey(v), ""); err != nil {
			return err
		}
	}
	return storeVector(ms.tx, v)
}

// goOn stores a move, or forgets it where no vector is left in it.
func (ms moves) goOn(m resharing.Move) error {
	for i := range m.Vectors {
		if m.Moves(i) {
			return ms.store(m)
		}
	}
	return records.Remove(ms.tx, records.PrefixMove+records.SeqName(m.Seq))
}

// end ends a move: the shares from before stay in force for all of its vectors, and the
// next one draws everything anew.
func (ms moves) end(m resharing.Move, why catalog.Reason) error {
	for i := range m.Vectors {
		if err := ms.leave(&m, i, why); err != nil {
			return err
		}
	}
	return ms.goOn(m)
}

// vectors are those of a move, in its order, left out ones too.
func (ms moves) vectors(m resharing.Move) ([]catalog.Vector, error) {
	out := make([]catalog.Vector, len(m.Vectors))
	for i, id := range m.Vectors {
		var err error
		if out[i], err = records.Find[catalog.Vector](ms.tx, records.PrefixVector+id); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// overIfErased forgets a move once nothing of before is left. Its vectors can be moved again:
// there are never three sharings of one.
func (ms moves) overIfErased(m resharing.Move) error {
	if len(m.Waits()) > 0 {
		return ms.store(m)
	}
	for i, id := range m.Vectors {
		if !m.Moves(i) {
			continue
		}
		v, err := records.Find[catalog.Vector](ms.tx, records.PrefixVector+id)
		if err != nil {
			return err
		}
		v.Moving = 0
		if err := storeVector(ms.tx, v); err != nil {
			return err
		}
	}
	return records.Remove(ms.tx, records.PrefixMove+records.SeqName(m.Seq))
}

// drop takes a vector that its owner drops out of the move that it is in.
func (ms moves) drop(v *catalog.Vector) error {
	if v.Moving == 0 {
		return nil
	}
	m, err := records.Find[resharing.Move](ms.tx, records.PrefixMove+records.SeqName(v.Moving))
	if err != nil {
		return err
	}
	v.Moving = 0
	i := slices.Index(m.Vectors, v.ID)
	if m.State == resharing.Erasing {
		return nil // it has moved; its shares are erased as those of every dropped one
	}
	m.Out[i] = catalog.Why("move.dropped")
	return ms.goOn(m)
}

// vectorRoster is among whom vectors of a registry are shared: the nodes that share the key of
// its publisher, so that they can be computed with together.
func vectorRoster(r records.Reader, cluster *catalog.Cluster, registry string) (catalog.KeyRoster, error) {
	reg, err := records.Find[catalog.Registry](r, records.PrefixRegistry+registry)
	if err != nil {
		return catalog.KeyRoster{}, err
	}
	k, err := records.KeyOf(r, reg.Owner)
	if errors.Is(err, records.ErrNotFound) || err == nil && k.State != catalog.KeyReady {
		return cluster.Roster(), nil
	}
	return k.Roster(), err
}

// underOf lists, of the private vectors of a verdict, the sharings of those that were moved.
func underOf(r records.Reader, verdict catalog.Verdict) (list []catalog.VectorUnder, err error) {
	for _, u := range verdict.Vectors {
		v, err := records.Find[catalog.Vector](r, records.PrefixVector+u.ID)
		if err != nil {
			return nil, err
		}
		if v.Sharing.Move != 0 {
			list = append(list, catalog.VectorUnder{ID: v.ID, Move: v.Sharing.Move})
		}
	}
	return list, nil
}
