package catalog

import (
	"errors"
	"fmt"
	"slices"
)

// maxModulus bounds the plaintext modulus: sums of MaxNodes shares fit.
const maxModulus = 1 << 59

// checkActive refuses an active set that is not exactly t distinct nodes that
// hold the version, in order of their points, with the root among them.
func (c *call) checkActive(active []string, root string, holders []string) *Refusal {
	if len(active) != c.cluster.Threshold {
		return invalid("active", "%d nodes, want exactly the threshold, %d", len(active), c.cluster.Threshold)
	}
	if !slices.Equal(c.inOrder(active), active) {
		return invalid("active", "%s are not distinct nodes in the order of their points", quoteList(active))
	}
	for _, id := range active {
		if !slices.Contains(holders, id) {
			return conflict("holder", "node %s has not acknowledged the version", id)
		}
	}
	if !slices.Contains(active, root) {
		return invalid("root", "the root %.80q is not in the active set", root)
	}
	return nil
}

// openTiles counts an opening against the key's limit, PROTOCOL section 7.
func (c *call) openTiles(key string, tiles int64) error {
	k, err := find[Key](c.tx, prefixKey+key)
	if err != nil {
		return err
	}
	if r := k.wear(tiles); r != nil {
		return r
	}
	k.Opened += tiles
	return put(c.tx, prefixKey+k.ID, k)
}

// ruleKeyWorn is a conflict that does not pass (PROTOCOL section 7).
const ruleKeyWorn = "key_worn"

// keyWorn returns the refusal to open any more tiles of a key that err is; nil:
// it is none.
func keyWorn(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) && r.Rule == ruleKeyWorn {
		return r
	}
	return nil
}

// wear refuses to open so many tiles more than the key can bear.
func (k Key) wear(tiles int64) *Refusal {
	if k.Opened+tiles <= MaxOpened {
		return nil
	}
	return conflict(ruleKeyWorn, "key %s has opened %d tiles, at most %d are safe", k.ID, k.Opened, int64(MaxOpened)).
		withFix("the publisher needs a new key and must encrypt anew").withNumber("opened", k.Opened)
}

// running returns the last attempt if it is not over.
func running(attempts []Attempt) *Attempt {
	if len(attempts) == 0 || attempts[len(attempts)-1].Failed != "" {
		return nil
	}
	return &attempts[len(attempts)-1]
}

// checkAttempt returns the running attempt if it has that number.
func checkAttempt(attempts []Attempt, number int) (*Attempt, *Refusal) {
	a := running(attempts)
	if a == nil {
		return nil, conflict("attempt", "attempt %d, none is running", number)
	}
	if a.Number != number {
		return nil, conflict("attempt", "attempt %d, attempt %d is running", number, a.Number)
	}
	return a, nil
}

// checkNext refuses to name an attempt while one runs or under a wrong number.
func checkNext(attempts []Attempt, number int) *Refusal {
	if a := running(attempts); a != nil {
		return conflict("attempt", "attempt %d is running", a.Number)
	}
	if number != len(attempts)+1 {
		return conflict("attempt", "attempt %d, the next is %d", number, len(attempts)+1)
	}
	return nil
}

// fail ends the running attempt, if there is one.
func (v *Version) fail(reason string) {
	if a := running(v.Attempts); a != nil {
		a.Failed = reason
	}
}

// attemptVersion names the opening of a stored version's parity. Where the key
// cannot bear it, no later one could be made either: the version is rejected.
func attemptVersion(c *call, b VersionAttempt) error {
	v, err := c.version(b.Dataset, b.Version)
	if err != nil {
		return err
	}
	if v.State != VersionStored {
		return v.outOfTurn()
	}
	if r := checkNext(v.Attempts, b.Attempt); r != nil {
		return r
	}
	if r := c.checkActive(b.Active, b.Root, v.Acks); r != nil {
		return r
	}
	err = c.openTiles(v.Key, int64(v.Tiles))
	if worn := keyWorn(err); worn != nil {
		return c.reject(v, fmt.Sprintf("its parity cannot be opened: %s; %s", worn.Message, worn.Fix))
	}
	if err != nil {
		return err
	}
	v.Attempts = append(v.Attempts, Attempt{Number: b.Attempt, Active: b.Active, Root: b.Root, Named: c.now, Tiles: int64(v.Tiles)})
	v.Parity, v.Held, v.Modulus = make([]uint64, len(b.Active)), make([]bool, len(b.Active)), 0
	return c.putVersion(v)
}

// addParity takes a member's share of the parity. When all are in, they decide.
func addParity(c *call, b VersionParity) error {
	v, err := c.version(b.Dataset, b.Version)
	if err != nil {
		return err
	}
	if v.State != VersionStored {
		return v.outOfTurn()
	}
	a, r := checkAttempt(v.Attempts, b.Attempt)
	if r != nil {
		return r
	}
	i := slices.Index(a.Active, c.node.ID)
	switch {
	case i < 0:
		return forbidden("member", "node %s is not in the active set", c.node.ID)
	case v.Held[i]:
		return conflict("twice", "node %s has sent its share", c.node.ID)
	case b.Modulus < 2 || b.Modulus >= maxModulus || b.Share >= b.Modulus:
		return invalid("share", "%d is no share modulo %d", b.Share, b.Modulus)
	case slices.Contains(v.Held, true) && b.Modulus != v.Modulus:
		return invalid("modulus", "the modulus is %d, others have %d", b.Modulus, v.Modulus)
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
		return c.reject(v, fmt.Sprintf("the parity does not open to zero: the tiles were not encrypted under key %s, or are damaged", v.Key))
	}
	return c.goLive(v)
}

func (c *call) goLive(v Version) error {
	d, err := find[Dataset](c.tx, prefixDataset+v.Dataset)
	if err != nil {
		return err
	}
	d.Live = v.Version
	if err := put(c.tx, prefixDataset+d.ID, d); err != nil {
		return err
	}
	v.State, v.LiveAt, v.Entries, c.out.Live = VersionLive, c.now, append(v.Entries, c.seq), true
	v.Parity, v.Held = nil, nil
	if err := c.putChange(d.ID, v.Version); err != nil {
		return err
	}
	if err := c.welcome(d, v); err != nil {
		return err
	}
	return c.putVersion(v)
}

// failVersion ends an attempt. An opened parity reveals nothing but itself, so
// many attempts are possible.
func failVersion(c *call, b VersionFail) error {
	v, err := c.version(b.Dataset, b.Version)
	if err != nil {
		return err
	}
	if v.State != VersionStored {
		return v.outOfTurn()
	}
	if _, r := checkAttempt(v.Attempts, b.Attempt); r != nil {
		return r
	}
	v.fail(cleanReason(b.Reason))
	v.Parity, v.Held = nil, nil
	if len(v.Attempts) == MaxParityAttempts {
		return c.reject(v, fmt.Sprintf("none of %d openings of its parity completed; the last: %s", MaxParityAttempts, cleanReason(b.Reason)))
	}
	return c.putVersion(v)
}
