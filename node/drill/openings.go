package drill

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api/statement"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/vault"
	"github.com/weirdata/weir/node/versions"
)

// keys are what the shares that were given have of publishers' keys.
type keys struct {
	*drilling
	loaded  map[string]*keyParts
	missing string // why nothing is opened under some key
}

// keyParts are the parts of one key, of the sharing in force: ascending points.
type keyParts struct {
	key    catalog.Key
	params he.Parameters
	points []int
	parts  map[int]*he.NodeKey
}

func newKeys(d *drilling) *keys { return &keys{drilling: d, loaded: map[string]*keyParts{}} }

func (k *keys) erase() {
	for _, l := range k.loaded {
		for _, part := range l.parts {
			part.Erase()
		}
	}
}

// load finds what the shares have of a key. With fewer parts than the threshold it opens nothing.
func (k *keys) load(key catalog.Key) (*keyParts, error) {
	if l := k.loaded[key.ID]; l != nil {
		return l, nil
	}
	among, sharing := key.Roster(), key.InForce()
	lit := he.DataParameters(len(among.Nodes), among.Threshold)
	lit.Dealers = len(key.Ceremony().Nodes)
	params, err := he.NewParameters(lit)
	if err != nil {
		return nil, err
	}
	l, c := &keyParts{key: key, params: params, parts: map[int]*he.NodeKey{}}, k.checks[recovery.Openings]
	k.loaded[key.ID] = l
	for _, s := range k.Shares {
		id := s.Info.Card.ID
		point := among.Point(id)
		if point == 0 || l.parts[point] != nil {
			continue
		}
		part, err := mpc.ReadShare(params, sharing, func(name string) ([]byte, error) {
			secret, is := s.Secrets[name]
			if !is {
				return nil, vault.ErrNotFound
			}
			return bytes.Clone(secret), nil // who reads it wipes it
		})
		if errors.Is(err, vault.ErrNotFound) {
			c.note("the share of node %s has no part of key %s in epoch %d: it is older than the last refresh, or newer; export it anew", id, key.ID, sharing.Epoch)
			continue
		}
		if err != nil {
			c.differ("the share of node %s: %v", id, err)
			continue
		}
		l.parts[point], l.points = part, append(l.points, point)
	}
	slices.Sort(l.points)
	if len(l.points) < among.Threshold {
		k.missing = fmt.Sprintf("of key %s the shares of %d nodes were given, %d are needed: nothing was opened under it", key.ID, len(l.points), among.Threshold)
		if len(k.Shares) > 0 {
			c.Missed = k.missing
			c.note("%s", k.missing)
		}
	}
	return l, nil
}

// whole reports whether there are parts enough to open.
func (l *keyParts) whole() bool { return len(l.points) >= l.key.Threshold }

// opener opens the sums of one query; without parts enough it opens nothing.
type opener struct {
	*keys
	query  recorded
	under  map[int]*keyParts // by opening; nil: nothing is opened
	values []uint64          // of the released numbers
	failed string            // why they do not open
}

func (k *keys) opener(q recorded) (*opener, error) {
	o := &opener{keys: k, query: q, values: make([]uint64, q.plan.Width)}
	if len(k.Shares) == 0 {
		return o, nil
	}
	under := map[int]*keyParts{}
	for _, part := range versions.OpeningsByKey(q.sources, q.plan) {
		l, err := k.load(part.Key)
		if err != nil || !l.whole() {
			return o, err
		}
		for _, number := range part.Numbers {
			under[number] = l
		}
	}
	o.under = under
	return o, nil
}

// take opens one sum. The sets of nodes take turns, so that every share is tried.
func (o *opener) take(number int, sum [32]byte, acc *he.Accumulator) error {
	l := o.under[number]
	if l == nil || o.failed != "" {
		return nil
	}
	slots, err := l.open(o.cluster.ID, o.query, number, sum, acc)
	if err != nil {
		o.failed = err.Error()
		return nil
	}
	defer clear(slots)
	return o.fold(number, slots)
}

// open opens a sum by one set of the nodes whose parts there are.
func (l *keyParts) open(cluster catalog.Digest, q recorded, number int, sum [32]byte, acc *he.Accumulator) (slots []uint64, err error) {
	var set []int
	for i := range l.key.Threshold {
		set = append(set, l.points[(number+i)%len(l.points)])
	}
	root := set[0]
	slices.Sort(set)
	// The context is one that no attempt has, so that nothing which was ever sent in one is made here.
	named := he.Opening{
		Cluster: cluster, Key: l.key.ID, Epoch: l.key.InForce().Epoch, Query: "drill " + q.ID, Attempt: number%len(l.points) + 1,
		Plan: q.plan.Digest(), Number: number, Accumulator: sum, Active: set, Root: root,
	}
	ds := map[int][]byte{}
	add := func(share []uint64) error {
		if slots == nil {
			slots = share
			return nil
		}
		return l.params.AddMod(slots, share)
	}
	for _, point := range set {
		if point == root {
			continue
		}
		d, share, err := l.parts[point].Contribute(named, acc)
		if err == nil {
			ds[point], err = d, add(share)
		}
		if err != nil {
			return nil, err
		}
	}
	share, err := l.parts[root].Combine(named, acc, ds)
	if err == nil {
		err = add(share)
	}
	return slots, err
}

// fold checks the parity of a sum that was opened, and adds it to the groups' numbers.
func (o *opener) fold(number int, slots []uint64) error {
	parity, err := o.store.Params.Parity(slots)
	if err != nil {
		return err
	}
	if parity != 0 {
		o.failed = "the parity of what was opened is not 0"
		return nil
	}
	if o.query.plan.Multiplies() || number >= len(o.query.plan.Accumulators) {
		return nil
	}
	acc, groups := o.query.plan.Accumulators[number], len(o.query.plan.Groups)
	_, err = o.store.Params.Fold(slots, o.query.plan.SlotMaps[acc.SlotMap], o.values[acc.Column*groups:(acc.Column+1)*groups])
	return err
}

// finish says what came of a query's openings, and compares the figures with those that were kept.
func (o *opener) finish(ctx context.Context) error {
	defer clear(o.values)
	if o.under == nil {
		return nil
	}
	c := o.checks[recovery.Openings]
	c.Tried.Tried++
	if o.failed != "" {
		c.differ("query %s: the sums of its tiles do not open by these shares: %s", o.query.ID, o.failed)
		return nil
	}
	f, kept := o.results[o.query.ID]
	if !kept {
		return nil
	}
	return o.compare(ctx, f)
}

// compare makes the table of a query anew, and compares its rows.
func (o *opener) compare(ctx context.Context, f File) error {
	c, q := o.checks[recovery.Figures], o.query
	if q.plan.Multiplies() || q.plan.Noise != nil {
		c.note("%s: figures with noise, of products and of private lists are not made anew", f.Name)
		return nil
	}
	c.Tried.Tried++
	if err := o.store.FetchPresences(ctx, q.sources); err != nil {
		return err
	}
	var compiled *sql.Compiled
	err := o.view(func(v state.View) (err error) {
		_, compiled, err = statement.Compile(ctx, q.Submit.Request.SQL, []catalog.Dataset{q.sources.Dataset}, statement.Registries{
			Registry: v.Registries().Get,
			Unknown:  func(catalog.Registry, []sql.ColumnValues) ([]sql.UnknownValue, error) { return nil, nil },
		}, statement.Vectors{})
		return err
	})
	if err != nil {
		return fmt.Errorf("compile its SQL: %w", err)
	}
	sums := make([]int64, len(o.values))
	for i, x := range o.values {
		sums[i] = o.store.Params.Centre(x)
	}
	table, err := result.NewTable(compiled, result.Input{
		Descriptor: q.sources.Descriptor(), Layers: q.sources.Layers(), Verdict: q.verdict, Plan: q.plan, Sums: sums, Nodes: len(q.attempt.Active),
	})
	if err != nil {
		return err
	}
	same, err := sameRows(table, f)
	if err == nil && !same {
		c.differ("%s: the figures of query %s are others", f.Name, q.ID) // and not which: they are its owner's
	}
	return err
}

// sameRows compares a table with the rows of a result that was kept.
func sameRows(table *result.Table, f File) (bool, error) {
	var b strings.Builder
	if err := table.WriteJSON(&b); err != nil {
		return false, err
	}
	var anew, kept keptResult
	for _, x := range []struct {
		from []byte
		into *keptResult
	}{{[]byte(b.String()), &anew}, {f.Bytes, &kept}} {
		if err := json.Unmarshal(x.from, x.into); err != nil {
			return false, fmt.Errorf("read a result: %w", err)
		}
	}
	var one, other bytes.Buffer
	if err := errors.Join(json.Compact(&one, anew.Rows), json.Compact(&other, kept.Rows)); err != nil {
		return false, fmt.Errorf("read a result: %w", err)
	}
	return bytes.Equal(one.Bytes(), other.Bytes()), nil
}
