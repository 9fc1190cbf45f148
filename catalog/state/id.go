package state

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// newID is the id of what the envelope makes. It is refused where anything has it, or
// had it: what was signed on the one would hold for the other.
func (c *applyContext) newID(prefix, letter string) (string, error) {
	id := c.machine.ids(letter, c.digest)
	taken, err := records.Has(c.tx, prefix+id)
	if err != nil {
		return "", err
	}
	if taken {
		return "", catalog.Conflict("id_taken", "id.taken", id)
	}
	return id, nil
}
