package mpc

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
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
		if s, ok := KeyShare(name); ok && s.Key == key {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b catalog.Sharing) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Attempt, b.Attempt))
	})
	return all
}

// KeyShare reads the name of a secret, as KeySecret makes it; false where it is no share of a key.
func KeyShare(name string) (s catalog.Sharing, ok bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 {
		return s, false
	}
	epoch, epochErr := strconv.ParseUint(parts[2], 10, 64)
	attempt, attemptErr := strconv.Atoi(parts[3])
	s = catalog.Sharing{Key: parts[1], Epoch: epoch, Attempt: attempt}
	return s, epochErr == nil && attemptErr == nil && secretKey(s) == name
}

// IsShare reports whether a name in a vault is that of a share of a key or of a vector.
func IsShare(name string) bool {
	return strings.HasPrefix(name, "key/") || IsVectorShare(name)
}

// IsVectorShare reports whether a name in a vault is that of a share of a private vector.
func IsVectorShare(name string) bool { return strings.HasPrefix(name, prefixSecretVector) }

// VectorSecret is what the vault calls a node's share of a private vector in force.
func VectorSecret(x catalog.Vector) string {
	return prefixSecretVector + vectorName(x.ID, x.InForce().Move)
}
