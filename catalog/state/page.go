package state

import "github.com/weirdata/weir/catalog/records"

// putParties writes a record's entries in an index by party: one for everybody, and
// one for each party.
func (c *applyContext) putParties(prefix, id string, parties ...string) error {
	for _, p := range append([]string{""}, parties...) {
		if err := records.PutText(c.tx, records.OfParty(prefix, p)+records.SeqName(c.seq), id); err != nil {
			return err
		}
	}
	return nil
}

// putChange records a change of the catalog.
func (c *applyContext) putChange(dataset string, version int) error {
	return records.Put(c.tx, records.PrefixChange+records.SeqName(c.seq), records.Change{Dataset: dataset, Version: version})
}

// noteChange records an amendment or a withdrawal.
func (c *applyContext) noteChange(dataset string, version int, what records.ChangeKind) error {
	return records.Put(c.tx, records.PrefixChange+records.SeqName(c.seq), records.Change{Dataset: dataset, Version: version, What: what, At: c.now})
}
