package drill

import (
	"encoding/json"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/audit"
)

// checkReceipts verifies receipts against the roster of the backup, and holds what they prove against
// its log. What came after the backup it cannot have: such a receipt is no difference, and is what a restored
// cluster has to be shown.
func (d *drilling) checkReceipts() error {
	rosters, err := d.Archive.Rosters()
	if err != nil {
		return err
	}
	c, profile := d.checks[recovery.Receipts], client.PinRosters(rosters)
	for _, f := range d.Receipts {
		c.Tried.Tried++
		proven, err := audit.VerifyReceipt(profile, f.Bytes)
		if err != nil {
			c.differ("%s: %v", f.Name, err)
			continue
		}
		if proven.Size <= d.Archive.Size {
			root, err := d.replay.RootAt(proven.Size)
			if err != nil {
				return err
			}
			if catalog.Digest(root) != proven.Root {
				c.differ("%s: it is of a log with the root %s after %d entries, and that of the backup is %s", f.Name, proven.Root, proven.Size, catalog.Digest(root))
			}
			continue
		}
		if err := d.newerReceipt(f); err != nil {
			return err
		}
	}
	return nil
}

// newerReceipt compares the entries of a receipt that was made after the backup.
func (d *drilling) newerReceipt(f File) error {
	c := d.checks[recovery.Receipts]
	r, err := evidence.ParseReceipt(f.Bytes)
	if err != nil {
		return err
	}
	for _, e := range r.Entries {
		if e.Index >= d.Archive.Size {
			c.note("%s: entry %d came after the backup: show it to a cluster that is restored from it", f.Name, e.Index)
			return nil
		}
		rec, err := d.replay.Record(e.Index)
		if err != nil {
			return err
		}
		if leaf, err := rec.Leaf(); err != nil || leaf != e.Shown.Leaf() {
			c.differ("%s: entry %d is another one in the backup", f.Name, e.Index)
			return nil
		}
	}
	return nil
}

// readResults finds of which queries there are results.
func (d *drilling) readResults() {
	c := d.checks[recovery.Figures]
	for _, f := range d.Results {
		var t keptResult
		if err := json.Unmarshal(f.Bytes, &t); err != nil || t.Query == "" {
			c.Tried.Tried++
			c.differ("%s is no result that `weir query -o json` printed", f.Name)
			continue
		}
		d.results[t.Query] = f
	}
}

// keptResult is what is read of a result that a buyer kept.
type keptResult struct {
	Query string          `json:"query"`
	Rows  json.RawMessage `json:"rows"`
}
