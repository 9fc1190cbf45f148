package catalog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// PendingKey is a publisher without a ready key: the attempt under way or
// failed last (Key.ID is empty when there was none), and what a KeyStart of the
// next attempt must say.
type PendingKey struct {
	Publisher   string
	Key         Key
	NextKey     string
	NextEpoch   uint64
	NextAttempt int
}

// PendingKeys returns the publishers that have no ready key.
func (v View) PendingKeys() ([]PendingKey, error) {
	ids, err := names(v.r, prefixTodoKey)
	if err != nil {
		return nil, err
	}
	var all []PendingKey
	for _, id := range ids {
		p := PendingKey{Publisher: id}
		if p.Key, err = v.KeyOf(id); err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		next := nextStart(id, p.Key)
		p.NextKey, p.NextEpoch, p.NextAttempt = next.Key, next.Epoch, next.Attempt
		all = append(all, p)
	}
	return all, nil
}

// PendingVersions returns the versions that are neither live nor rejected.
func (v View) PendingVersions() ([]Version, error) { return v.versionsNamed(prefixTodoVersion) }

// Unacked returns the committed versions, live ones included, that a node has
// not acknowledged.
func (v View) Unacked(node string) ([]Version, error) {
	return v.versionsNamed(prefixTodoAck + node + "/")
}

func (v View) versionsNamed(prefix string) ([]Version, error) {
	all, err := names(v.r, prefix)
	if err != nil {
		return nil, err
	}
	var out []Version
	for _, name := range all {
		dataset, number, _ := strings.Cut(name, "/")
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("index %s%s: %w", prefix, name, err)
		}
		ver, err := v.Version(dataset, n)
		if err != nil {
			return nil, err
		}
		out = append(out, ver)
	}
	return out, nil
}

// PendingQueries returns the queries that are neither done nor failed, the
// oldest first.
func (v View) PendingQueries() ([]Query, error) {
	ids, err := values(v.r, prefixTodoQuery)
	if err != nil {
		return nil, err
	}
	var all []Query
	for _, id := range ids {
		q, err := v.Query(id)
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	return all, nil
}
