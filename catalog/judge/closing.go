package judge

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// LostOpening is how many tiles an entry that is lost may have had opened, at the most.
const LostOpening = 1 << 20

// CloseSpent closes what so many lost entries could have spent: every dataset, every budget of
// noise, every contract between two parties; and it counts the openings of every key as if each
// entry had been one of the largest.
func CloseSpent(tx records.Tx, seq uint64, now int64, lost uint64) error {
	datasets, err := records.List[catalog.Dataset](tx, records.PrefixDataset)
	if err != nil {
		return err
	}
	for _, d := range datasets {
		d.Closed = seq
		if err := records.Put(tx, records.PrefixDataset+d.ID, d); err != nil {
			return err
		}
	}
	families, err := records.List[records.NoiseFamily](tx, records.PrefixNoise)
	if err != nil {
		return err
	}
	for _, f := range families {
		f = f.Lost()
		d, err := records.Find[catalog.Dataset](tx, records.PrefixDataset+f.Dataset)
		if err != nil {
			return err
		}
		if err := records.Put(tx, records.NoiseKey(d.Owner, d.Descriptor.Registry), f); err != nil {
			return err
		}
	}
	contracts, err := records.List[catalog.Contract](tx, records.PrefixContract)
	if err != nil {
		return err
	}
	for _, k := range contracts {
		if k.Buyer == k.Publisher || k.State == catalog.ContractRevoked {
			continue
		}
		k.State, k.Reason, k.Changed = catalog.ContractRevoked, "", now
		if err := records.Put(tx, records.PrefixContract+k.ID, k); err != nil {
			return err
		}
	}
	keys, err := records.List[catalog.Key](tx, records.PrefixKey)
	if err != nil {
		return err
	}
	for _, k := range keys {
		k.Opened += int64(min(lost, catalog.MaxOpened/LostOpening)) * LostOpening //nolint:gosec // bounded
		if err := records.Put(tx, records.PrefixKey+k.ID, k); err != nil {
			return err
		}
	}
	return nil
}
