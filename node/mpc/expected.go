package mpc

import (
	"errors"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/checked"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
)

// Expects reports whether the state has an attempt for which p's sender owes self
// p: both are members, and contributions go to the root alone. Whatever
// else could be a name of a message is not one: a sender must not be able to fill
// the memory with messages that nobody waits for.
func Expects(v state.View, self catalog.Node, p Message) (bool, error) {
	if strings.HasPrefix(p.Session, "key/") {
		keys, err := v.Keys().All()
		return slices.ContainsFunc(keys, func(k catalog.Key) bool { return owedInCeremony(p, self.ID, k) }), err
	}
	if strings.HasPrefix(p.Session, "move/") {
		moves, err := v.Vectors().Moves()
		return slices.ContainsFunc(moves, func(m resharing.Move) bool { return owedInMove(p, self.ID, m) }), err
	}
	if rest, is := strings.CutPrefix(p.Session, "canary/"); is {
		key, _, _ := strings.Cut(rest, "/")
		c, err := v.Keys().Canary(key)
		return err == nil && owedInCanary(p, self.ID, c), err
	}
	a, err := attemptOf(v, p.Session)
	return err == nil && owed(p, self.ID, a), err
}

// attemptOf returns the attempt under way of a version, a query or a vector whose session that
// is; one without members where there is none.
func attemptOf(v state.View, session string) (catalog.Attempt, error) {
	kind, rest, _ := strings.Cut(session, "/")
	id, _, _ := strings.Cut(rest, "/")
	var err error
	switch kind {
	case "version":
		var pending []catalog.Version
		pending, err = v.Versions().Pending()
		for _, x := range pending {
			if a, under := UnderWay(x.Attempts); under && session == VersionSession(x.Dataset, x.Version, a.Number) {
				return a, nil
			}
		}
	case "vector":
		var x catalog.Vector
		x, err = v.Vectors().Get(id)
		if a, under := UnderWay(x.Attempts); under && x.State == catalog.VectorProving && session == VectorSession(id, a.Number) {
			return a, nil
		}
	case "query":
		var q catalog.Query
		q, err = v.Query(id)
		if a, under := UnderWay(q.Attempts); under && q.State == catalog.QueryRunning && session == QuerySession(id, a.Number) {
			return a, nil
		}
	}
	if errors.Is(err, records.ErrNotFound) {
		err = nil
	}
	return catalog.Attempt{}, err
}

// owed reports whether p's sender owes it to a member of an attempt: digests
// every member to every other, contributions the others of a set to its root alone. Members
// of a query's attempt that multiply owe each other the parity and what the stages
// of the computation send.
func owed(p Message, to string, a catalog.Attempt) bool {
	return slices.Contains(a.Active, to) && slices.Contains(a.Active, p.From) && p.From != to &&
		(p.Kind == KindDigests || p.Kind == KindShares && checked.Sends(a, p.From, to) ||
			(p.Kind == KindParity || p.Kind == KindNonce || p.Kind == KindStages) && (strings.HasPrefix(p.Session, "query/") || strings.HasPrefix(p.Session, "vector/") && p.Kind == KindStages))
}

// owedInMove reports whether p's sender owes it to a node: what a dealer deals to every other
// member, and in the second check what members of an attempt owe each other.
func owedInMove(p Message, to string, m resharing.Move) bool {
	members := m.Members()
	if p.From == to || !slices.Contains(members, to) || !slices.Contains(members, p.From) {
		return false
	}
	if a, under := UnderWay(m.Tries); under && m.State == resharing.Proving && p.Session == MoveCheckSession(m.Seq, a.Number) {
		return p.Kind == KindStages && slices.Contains(a.Active, to) && slices.Contains(a.Active, p.From)
	}
	return m.State == resharing.Storing && p.Session == MoveSession(m.Seq) && p.Kind == KindMoved && p.Batch == 0 &&
		slices.ContainsFunc(m.Dealers, func(point int) bool { return m.From[point-1] == p.From })
}

// owedInCeremony reports whether p's sender owes it to a node: its
// dealing while keys are dealt, and in each test set what members of an attempt
// owe each other, besides its slots to the set's first member, which is the root.
func owedInCeremony(p Message, to string, k catalog.Key) bool {
	sharing, step, under := k.UnderWay()
	session := SharingSession(sharing)
	target := k.Target()
	from, point := target.Point(p.From), target.Point(to)
	if !under || RootSession(p.Session) != session || point == 0 || p.From == to || p.Batch != 0 {
		return false
	}
	if p.Session == session {
		return step == catalog.KeyDealing && p.Kind == KindDealing && slices.Contains(Senders(k), p.From)
	}
	for set, points := range roster.TestSets(len(target.Nodes), target.Threshold) {
		if step == catalog.KeyTesting && p.Session == testSession(sharing, set) {
			return slices.Contains(points, point) && slices.Contains(points, from) &&
				(p.Kind == KindDigests || (p.Kind == KindShares || p.Kind == KindSlots) && points[0] == point)
		}
	}
	return false
}
