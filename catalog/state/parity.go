package state

import (
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/wellformed"
)

// checkActive refuses an active set that is not exactly t distinct nodes of a roster that
// hold the version, in order of their points, with the root among them.
func checkActive(roster catalog.KeyRoster, active []string, root string, holders []string) *catalog.Refusal {
	if len(active) != roster.Threshold {
		return catalog.Invalid("active", "active.size", len(active), roster.Threshold)
	}
	if r := checkHolders(roster, active, holders); r != nil {
		return r
	}
	if !slices.Contains(active, root) {
		return catalog.Invalid("root", "active.root", root)
	}
	return nil
}

// openTiles counts an opening against the key's limit, PROTOCOL.md section 7.2.
func openTiles(c *applyContext, key string, tiles int64) error {
	k, err := c.machine.cache.Key(c.tx, key)
	if err != nil {
		return err
	}
	if r := judge.Wear(k, tiles); r != nil {
		return r
	}
	k.Opened += tiles
	return records.Put(c.tx, records.PrefixKey+k.ID, k)
}

// keyWorn returns the refusal to open any more tiles of a key that err is; nil:
// it is none.
func keyWorn(err error) *catalog.Refusal {
	if r, _ := refusalOf(err); r != nil && r.Rule == judge.RuleKeyWorn {
		return r
	}
	return nil
}

// running returns the last attempt if it is not over.
func running(attempts []catalog.Attempt) *catalog.Attempt {
	if len(attempts) == 0 || !attempts[len(attempts)-1].Failed.IsZero() {
		return nil
	}
	return &attempts[len(attempts)-1]
}

// checkAttempt returns the running attempt if it has that number.
func checkAttempt(attempts []catalog.Attempt, number int) (*catalog.Attempt, error) {
	a := running(attempts)
	if a == nil {
		return nil, catalog.Conflict("attempt", "attempt.none", number)
	}
	if a.Number != number {
		return nil, catalog.Conflict("attempt", "attempt.other", number, a.Number)
	}
	return a, nil
}

// checkNext refuses to name an attempt while one runs or under a wrong number.
func checkNext(attempts []catalog.Attempt, number int) *catalog.Refusal {
	if a := running(attempts); a != nil {
		return catalog.Conflict("attempt", "attempt.running", a.Number)
	}
	if number != len(attempts)+1 {
		return catalog.Conflict("attempt", "attempt.next", number, len(attempts)+1)
	}
	return nil
}

// nextCheck is the next attempt at the second check of vectors, by an active set of a roster. Its
// first member stands for the root, of which there is no need.
func nextCheck(now int64, attempts []catalog.Attempt, number int, active []string, roster catalog.KeyRoster) (catalog.Attempt, *catalog.Refusal) {
	if r := checkNext(attempts, number); r != nil {
		return catalog.Attempt{}, r
	}
	if len(active) == 0 {
		return catalog.Attempt{}, catalog.Invalid("active", "active.empty")
	}
	if r := checkActive(roster, active, active[0], roster.Nodes); r != nil {
		return catalog.Attempt{}, r
	}
	return catalog.Attempt{Number: number, Active: active, Root: active[0], Named: now}, nil
}

// turn is a node's place in the attempt under way of that number, in which it has not said
// yet what it says now.
func turn(attempts []catalog.Attempt, number int, node string, said func(place int) bool) (int, error) {
	a, err := checkAttempt(attempts, number)
	if err != nil {
		return 0, err
	}
	i := slices.Index(a.Active, node)
	switch {
	case i < 0:
		return 0, catalog.Forbidden("member", "active.member", node)
	case said(i):
		return 0, catalog.Conflict("twice", "share.sent", node)
	}
	return i, nil
}

// attemptVersion names the opening of a stored version's parity. Where the key
// cannot bear it, no later one could be made either: the version is rejected.
func attemptVersion(c *applyContext, b catalog.VersionAttempt) error {
	v, err := c.version(b.Dataset, b.Version, catalog.VersionStored)
	if err != nil {
		return err
	}
	k, err := records.Find[catalog.Key](c.tx, records.PrefixKey+v.Key)
	if err != nil {
		return err
	}
	if r := cmp.Or(checkNext(v.Attempts, b.Attempt), checkActive(k.Roster(), b.Active, b.Root, v.Acks)); r != nil {
		return r
	}
	err = openTiles(c, v.Key, int64(v.Tiles))
	if worn := keyWorn(err); worn != nil {
		return c.reject(v, catalog.Why("version.parity_worn").With(worn.Reason))
	}
	if err != nil {
		return err
	}
	sharings, err := sharingsOf(&c.machine.cache, c.tx, v)
	if err != nil {
		return err
	}
	v.Attempts = append(v.Attempts, catalog.Attempt{Number: b.Attempt, Active: b.Active, Root: b.Root, Named: c.now, Tiles: int64(v.Tiles), Sharings: sharings})
	v.Parity, v.Held, v.Modulus = make([]uint64, len(b.Active)), make([]bool, len(b.Active)), 0
	return c.putVersion(v)
}

// addParity takes a member's share of the parity. When all are in, they decide.
func addParity(c *applyContext, b catalog.VersionParity) error {
	v, err := c.version(b.Dataset, b.Version, catalog.VersionStored)
	if err != nil {
		return err
	}
	i, err := turn(v.Attempts, b.Attempt, c.node.ID, func(i int) bool { return v.Held[i] })
	switch {
	case err != nil:
		return err
	case b.Modulus < 2 || b.Modulus >= wellformed.MaxModulus || b.Share >= b.Modulus:
		return catalog.Invalid("share", "parity.share", b.Share, b.Modulus)
	case slices.Contains(v.Held, true) && b.Modulus != v.Modulus:
		return catalog.Invalid("modulus", "parity.modulus", b.Modulus, v.Modulus)
	}
	v.Parity[i], v.Held[i], v.Modulus = b.Share, true, b.Modulus
	if slices.Contains(v.Held, false) {
		return c.putVersion(v)
	}
	var sum uint64
	for _, s := range v.Parity {
		sum += s
	}
	if sum%v.Modulus != 0 {
		return c.reject(v, catalog.Why("version.parity", v.Key))
	}
	return goLive(c, v)
}

// goLive makes a version live whose parity opened to zero. What it settles is decided
// here; where its news contradicts what is public, it is rejected.
func goLive(c *applyContext, v catalog.Version) error {
	d, err := records.Find[catalog.Dataset](c.tx, records.PrefixDataset+v.Dataset)
	if err != nil {
		return err
	}
	if !d.Descriptor.Policy.Public {
		err := settle(c, d, v)
		if why := judge.Unsettled(err); !why.IsZero() {
			return c.reject(v, why)
		}
		if err != nil {
			return err
		}
	}
	d.Live = v.Version
	v.State, v.LiveAt, v.Entries, c.out.Live = catalog.VersionLive, c.now, append(v.Entries, c.seq), true
	v.Parity, v.Held = nil, nil
	if err := c.expire(&d, v); err != nil {
		return err
	}
	return cmp.Or(c.putChanged(d, v.Version, records.ChangeListed), c.putVersion(v))
}

// failVersion ends an attempt. An opened parity reveals nothing but itself, so
// many attempts are possible.
func failVersion(c *applyContext, b catalog.VersionFail) error {
	v, err := c.version(b.Dataset, b.Version, catalog.VersionStored)
	if err != nil {
		return err
	}
	a, err := checkAttempt(v.Attempts, b.Attempt)
	if err != nil {
		return err
	}
	a.Failed = b.Reason.Clean()
	v.Parity, v.Held = nil, nil
	if len(v.Attempts) == catalog.MaxParityAttempts {
		return c.reject(v, catalog.Why("version.parity_attempts", catalog.MaxParityAttempts).With(a.Failed))
	}
	return c.putVersion(v)
}
