package mpc

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/vault"
)

// What a node keeps of answered queries for their repeats.
const (
	// maxShares bounds how many shares a node keeps, maxShareBytes how long one of
	// them is: 256 MiB in all, and 16 KiB of a usual one of a few hundred groups.
	maxShares     = 1000
	maxShareBytes = 256 << 10
	// shareAge is for how long. A dashboard asks the same for weeks; a version lives
	// about as long.
	shareAge = 30 * 24 * time.Hour
	// shareSlack is by how much a leader takes shares for older than they are: clocks
	// differ, and a member that lacks its share costs an attempt.
	shareSlack = time.Hour
)

// keptShare is this node's share of an answered query, as it was sealed to the buyer:
// uniformly random but for the other members', which this node never sees.
type keptShare struct {
	attempt        int
	plan, contexts catalog.Digest
	share          []byte // seal.EncodeShare
}

// keptShares keeps the shares of answered queries sealed in the vault, so that a
// repeat is answered by sealing them again, and not by another opening: what a key
// has opened is limited (PROTOCOL.md section 7.2). Losing one costs an opening, nothing
// else, so that none is synced. The oldest are deleted first.
type keptShares struct {
	secrets Secrets
	clock   func() time.Time
	most    int

	mu    sync.Mutex
	kept  map[string]time.Time // query → when it was kept
	order []keptAt             // of those, the oldest first, and of ones that were forgotten since
}

// keptAt says when the share of a query was kept.
type keptAt struct {
	query string
	at    time.Time
}

// newKeptShares lists what an earlier run kept.
func newKeptShares(s Secrets, clock func() time.Time) (*keptShares, error) {
	k := &keptShares{secrets: s, clock: clock, most: maxShares, kept: map[string]time.Time{}}
	names, err := s.List(sharePrefix)
	if err != nil {
		return nil, fmt.Errorf("list the shares that are kept: %w", err)
	}
	for _, name := range names {
		if query, at, ok := parseShareName(name); ok { // else it is not one of ours
			k.kept[query] = at
			k.order = append(k.order, keptAt{query, at})
		}
	}
	slices.SortFunc(k.order, func(a, b keptAt) int { return a.at.Compare(b.at) })
	return k, nil
}

const sharePrefix = "answered/"

// secretShare names a query's share in the vault: the time is in the name, so that
// the oldest are found without opening any.
func secretShare(query string, at time.Time) string {
	return fmt.Sprintf("%s%s/%d", sharePrefix, query, at.UnixMilli())
}

// parseShareName reads what secretShare wrote, and nothing else: under any other
// spelling of the time the share would not be found to be deleted.
func parseShareName(name string) (query string, at time.Time, ok bool) {
	query, millis, _ := strings.Cut(strings.TrimPrefix(name, sharePrefix), "/")
	ms, err := strconv.ParseInt(millis, 10, 64)
	at = time.UnixMilli(ms)
	return query, at, err == nil && secretShare(query, at) == name
}

// keep stores the share of a query; of a later attempt in the place of an earlier.
// One that is too long is not kept.
func (k *keptShares) keep(query string, s keptShare) error {
	if len(s.share) > maxShareBytes {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock()
	if err := k.forget(query); err != nil {
		return err
	}
	if err := k.prune(now); err != nil {
		return err
	}
	b := packParts([][]byte{[]byte(strconv.Itoa(s.attempt)), s.plan[:], s.contexts[:], s.share})
	defer vault.Wipe(b)
	if err := k.secrets.PutCached(secretShare(query, now), b); err != nil {
		return fmt.Errorf("keep the share of query %s: %w", query, err)
	}
	k.kept[query] = now
	k.order = append(k.order, keptAt{query, now})
	return nil
}

// prune deletes what is too old, and the oldest until there is room for one more.
// mu is held.
func (k *keptShares) prune(now time.Time) error {
	for len(k.order) > 0 {
		oldest := k.order[0]
		if at, kept := k.kept[oldest.query]; kept && at.Equal(oldest.at) {
			if len(k.kept) < k.most && now.Sub(at) <= shareAge {
				return nil
			}
			if err := k.forget(oldest.query); err != nil {
				return err
			}
		}
		k.order = k.order[1:]
	}
	return nil
}

// queries are those of which a share is kept.
func (k *keptShares) queries() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(maps.Keys(k.kept))
}

// erase deletes the shares of these queries, and those that are too old.
func (k *keptShares) erase(queries []string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock()
	for query, at := range k.kept {
		if now.Sub(at) > shareAge {
			queries = append(queries, query)
		}
	}
	for _, query := range queries {
		if err := k.forget(query); err != nil {
			return err
		}
	}
	return nil
}

// forget deletes a share, if there is one. mu is held.
func (k *keptShares) forget(query string) error {
	at, ok := k.kept[query]
	if !ok {
		return nil
	}
	if err := k.secrets.Delete(secretShare(query, at)); err != nil && !errors.Is(err, vault.ErrNotFound) {
		return fmt.Errorf("forget the share of query %s: %w", query, err)
	}
	delete(k.kept, query)
	return nil
}

// get returns the share of a query, which the caller wipes; false when it is not
// kept.
func (k *keptShares) get(query string) (s keptShare, ok bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at, ok := k.kept[query]
	if !ok || k.clock().Sub(at) > shareAge {
		return s, false, nil
	}
	b, err := k.secrets.Get(secretShare(query, at))
	if errors.Is(err, vault.ErrNotFound) {
		return s, false, nil
	}
	if err != nil {
		return s, false, fmt.Errorf("read the share of query %s: %w", query, err)
	}
	parts, err := unpackParts(b, 4)
	if err == nil && (len(parts[1]) != len(s.plan) || len(parts[2]) != len(s.contexts)) {
		err = errors.New("digests of another length")
	}
	if err != nil {
		return s, false, fmt.Errorf("decode the share of query %s: %w", query, err)
	}
	if s.attempt, err = strconv.Atoi(string(parts[0])); err != nil {
		return s, false, fmt.Errorf("decode the share of query %s: %w", query, err)
	}
	s.plan, s.contexts, s.share = catalog.Digest(parts[1]), catalog.Digest(parts[2]), parts[3]
	return s, true, nil
}

// Reseals reports whether shares under a verdict are kept: not those of noised
// queries, which are never repeated, nor of private ones, which are tested anew.
func Reseals(v catalog.Verdict) bool { return v.Noise == nil && len(v.Vectors) == 0 }

// Repeatable returns the attempt whose members can seal again what they kept of a query that
// another one repeats: one of so many released numbers. It is false where they may not have kept it.
func Repeatable(first catalog.Query, numbers int, now time.Time) (catalog.Attempt, bool) {
	a, under := UnderWay(first.Attempts)
	age := now.Sub(time.UnixMilli(first.Done))
	size := 8 * (numbers + 2) // with the parity and a header
	return a, under && first.State == catalog.QueryDone && age <= shareAge-shareSlack && size <= maxShareBytes
}

// reseal seals this node's share of the query that another one repeats, to the buyer
// of that one: the very numbers that the buyer was given before.
func (qs *Queries) reseal(id string, a catalog.Attempt) (any, error) {
	var q, first catalog.Query
	err := qs.Ledger.View(func(v state.View) (err error) {
		if q, err = v.Query(id); err == nil {
			first, err = v.Query(q.Repeats)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load query %s: %w", id, err)
	}
	s, ok, err := qs.kept.get(first.ID)
	if err != nil {
		return nil, failure.RefuseFor(err, "node.kept_unreadable", first.ID)
	}
	if !ok {
		return nil, failure.Refuse("node.kept_lost", first.ID)
	}
	defer vault.Wipe(s.share)
	answered, _ := UnderWay(first.Attempts)
	if s.attempt != answered.Number || s.plan != first.Plan || s.contexts != first.Context {
		return nil, failure.Refuse("node.kept_other", s.attempt, first.ID, answered.Number)
	}
	return sealShare(q, a, s)
}
