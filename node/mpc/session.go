package mpc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// SharingSession names among nodes the attempt to make a sharing of a key, by a ceremony or
// a refresh.
func SharingSession(s catalog.Sharing) string {
	return fmt.Sprintf("key/%s/%d/%d", s.Key, s.Epoch, s.Attempt)
}

// testSession names the opening of the known vector with one test set.
func testSession(s catalog.Sharing, set int) string {
	return fmt.Sprintf("%s/test/%d", SharingSession(s), set)
}

// VersionSession names an attempt of a version's parity opening.
func VersionSession(dataset string, version, attempt int) string {
	return fmt.Sprintf("version/%s/%d/%d", dataset, version, attempt)
}

// QuerySession names an attempt of a query.
func QuerySession(id string, attempt int) string { return fmt.Sprintf("query/%s/%d", id, attempt) }

// VectorSession names an attempt of the check of a vector's bits.
func VectorSession(id string, attempt int) string { return fmt.Sprintf("vector/%s/%d", id, attempt) }

// MoveSession names a move of vectors.
func MoveSession(seq uint64) string { return fmt.Sprintf("move/%d", seq) }

// MoveCheckSession names an attempt of the second check in a move.
func MoveCheckSession(seq uint64, attempt int) string { return fmt.Sprintf("move/%d/%d", seq, attempt) }

// RootSession is the attempt that a session belongs to: key tests are sessions
// of their own within a ceremony's.
func RootSession(session string) string {
	root, _, _ := strings.Cut(session, "/test/")
	return root
}

// UnderWay returns the attempt that is named and not over.
func UnderWay(attempts []catalog.Attempt) (catalog.Attempt, bool) {
	if len(attempts) == 0 || !attempts[len(attempts)-1].Failed.IsZero() {
		return catalog.Attempt{}, false
	}
	return attempts[len(attempts)-1], true
}

// Member returns the attempt that is under way, and whether this node is in it.
func Member(attempts []catalog.Attempt, id string) (_ catalog.Attempt, member bool) {
	a, under := UnderWay(attempts)
	return a, under && slices.Contains(a.Active, id)
}

// KeySecret is what the vault calls a node's share of a key in force.
func KeySecret(k catalog.Key) string { return secretKey(k.InForce()) }

// SharingsOf are the sharings of a key of which a vault has this node's share, by the names of its secrets, oldest
// first.
func SharingsOf(key string, names []string) (all []catalog.Sharing) {
	for _, name := range names {
		if s, ok := sharingIn(key, name); ok {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b catalog.Sharing) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Attempt, b.Attempt))
	})
	return all
}

// sharingIn reads the name of a secret; false where it is no share of the key.
func sharingIn(key, name string) (s catalog.Sharing, ok bool) {
	rest, ok := strings.CutPrefix(name, "key/"+key+"/")
	if !ok {
		return s, false
	}
	s.Key = key
	_, err := fmt.Sscanf(rest, "%d/%d", &s.Epoch, &s.Attempt)
	return s, err == nil
}

// VectorSecret is what the vault calls a node's share of a private vector in force.
func VectorSecret(x catalog.Vector) string {
	return prefixSecretVector + vectorName(x.ID, x.InForce().Move)
}
