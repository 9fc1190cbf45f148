package state

import (
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
)

// canaries are the tries whether nodes have the shares of a key that they should have (DATA_MODEL.md section 6), at
// an entry's time.
type canaries struct {
	tx  records.Tx
	now int64
}

// canaries are those of the state.
func (c *applyContext) canaries() canaries { return canaries{c.tx, c.now} }

func (cs canaries) put(x resharing.Canary) error {
	return records.Put(cs.tx, records.PrefixCanary+x.Key, x)
}

// open returns the canary of a key that is under way, and the point of the node that speaks.
func (cs canaries) open(key string, number int, node string) (resharing.Canary, int, error) {
	x, known, err := records.Lookup[resharing.Canary](cs.tx, records.PrefixCanary+key)
	if err == nil && (!known || x.Number != number || x.Ended != 0) {
		err = catalog.Conflict("canary", "canary.none", number, key)
	}
	if err != nil {
		return x, 0, err
	}
	for i, id := range x.Nodes {
		if id == node {
			return x, i + 1, nil
		}
	}
	return x, 0, catalog.Forbidden("member", "canary.member", node, key)
}

// end ends a canary where no set is to be opened any more.
func (cs canaries) end(x resharing.Canary) error {
	if len(x.Open()) == 0 {
		x = x.Judge()
		x.Ended = cs.now
	}
	return cs.put(x)
}

// interrupt ends a canary whose shares are no longer those in force, or are to be made
// anew.
func (cs canaries) interrupt(key string, why catalog.Reason) error {
	x, known, err := records.Lookup[resharing.Canary](cs.tx, records.PrefixCanary+key)
	if err != nil || !known || x.Ended != 0 {
		return err
	}
	x.Ended, x.Reason = cs.now, why
	return cs.put(x)
}

// shareHolders are the nodes that have a share of a key in force, those left out that say in its
// canary that they have none.
func shareHolders(r records.Reader, k catalog.Key) ([]string, error) {
	x, known, err := records.Lookup[resharing.Canary](r, records.PrefixCanary+k.ID)
	if err != nil || !known || x.Sharing != k.InForce() {
		return k.Holders(), err
	}
	return slices.DeleteFunc(k.Holders(), func(id string) bool {
		at := slices.Index(x.Nodes, id)
		return at >= 0 && x.Lacks[at]
	}), nil
}
