package mpc

import (
	"errors"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
)

// Expects reports whether the state has an attempt for which p's sender owes self
// p: both are members, and contributions go to the root alone. Whatever
// else could be a name of a message is not one: a sender must not be able to fill
// the memory with messages that nobody waits for.
func Expects(v state.View, self catalog.Node, p Message) (bool, error) {
	var active []string
	var root string
	var err error
	switch kind, rest, _ := strings.Cut(p.Session, "/"); kind {
	case "key":
		keys, err := v.Keys()
		return slices.ContainsFunc(keys, func(k catalog.Key) bool { return owedInCeremony(p, self.Point, k) }), err
	case "version":
		active, root, err = membersOfVersion(v, p.Session)
	case "vector":
		id, _, _ := strings.Cut(rest, "/")
		active, err = membersOfVector(v, id, p.Session)
	case "query":
		id, _, _ := strings.Cut(rest, "/")
		active, root, err = membersOfQuery(v, id, p.Session)
	}
	return err == nil && owed(p, self.ID, active, root), err
}

// owed reports whether p's sender owes it to a member of an attempt: digests
// every member to every other, contributions the others to the root alone. Members
// of a query's attempt that multiply owe each other the parity and what the stages
// of the computation send.
func owed(p Message, to string, active []string, root string) bool {
	return slices.Contains(active, to) && slices.Contains(active, p.From) && p.From != to &&
		(p.Kind == KindDigests || p.Kind == KindShares && root == to ||
			(p.Kind == KindParity || p.Kind == KindNonce || p.Kind == KindStages) && (strings.HasPrefix(p.Session, "query/") || strings.HasPrefix(p.Session, "vector/") && p.Kind == KindStages))
}

// membersOfVersion returns who takes part in a parity opening under way.
func membersOfVersion(v state.View, session string) (active []string, root string, err error) {
	pending, err := v.PendingVersions()
	if err != nil {
		return nil, "", err
	}
	for _, x := range pending {
		if a, under := UnderWay(x.Attempts); under && session == VersionSession(x.Dataset, x.Version, a.Number) {
			return a.Active, a.Root, nil
		}
	}
	return nil, "", nil
}

// membersOfVector returns who takes part in the check of a vector under way.
func membersOfVector(v state.View, id, session string) (active []string, err error) {
	x, err := v.Vector(id)
	if errors.Is(err, records.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if a, under := UnderWay(x.Attempts); under && x.State == catalog.VectorProving && session == VectorSession(id, a.Number) {
		return a.Active, nil
	}
	return nil, nil
}

// membersOfQuery returns who takes part in a query's attempt under way.
func membersOfQuery(v state.View, id, session string) (active []string, root string, err error) {
	q, err := v.Query(id)
	if errors.Is(err, records.ErrNotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	if a, under := UnderWay(q.Attempts); under && q.State == catalog.QueryRunning && session == QuerySession(id, a.Number) {
		return a.Active, a.Root, nil
	}
	return nil, "", nil
}

// owedInCeremony reports whether p's sender owes it to the node at point: its
// dealing while keys are dealt, and in each test set what members of an attempt
// owe each other, besides its slots to the set's first member, which is the root.
func owedInCeremony(p Message, point int, k catalog.Key) bool {
	sharing, step, under := k.UnderWay()
	session := SharingSession(sharing)
	from := slices.Index(k.Nodes, p.From) + 1 // its point
	if !under || RootSession(p.Session) != session || from == 0 || from == point || p.Batch != 0 {
		return false
	}
	if p.Session == session {
		return step == catalog.KeyDealing && p.Kind == KindDealing
	}
	for set, points := range catalog.TestSets(len(k.Nodes), k.Threshold) {
		if step == catalog.KeyTesting && p.Session == testSession(sharing, set) {
			return slices.Contains(points, point) && slices.Contains(points, from) &&
				(p.Kind == KindDigests || (p.Kind == KindShares || p.Kind == KindSlots) && points[0] == point)
		}
	}
	return false
}
