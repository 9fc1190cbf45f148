package founding

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/strictjson"
	"github.com/weirdata/weir/consensus/durable"
)

// RosterFile is the content of FileRoster, in a node's directory.
type RosterFile struct {
	Version int                `json:"v"`
	Changes []catalog.Envelope `json:"changes"`        // ascending, without the founding; each followed by its approvals
	Left    []string           `json:"left,omitempty"` // ids of seats that were given up and hold nothing any more
}

// ReadRosters returns the cluster as it was founded and after each change of its roster that
// the founding's file or the node's directory has, whichever has more. All are checked
// against the cluster's id (attest.Rosters). left are the ids of seats of which nothing is left:
// that follows from the ledger, and what nobody signs is believed of this node's own alone. gone are they, and those that the founding's
// file names: a machine that comes later talks to none of them, for whoever has the machines of former seats has their keys.
func ReadRosters(dir string, g Genesis) (all []catalog.Cluster, left, gone []string, err error) {
	f, err := readRosterFile(filepath.Join(dir, FileRoster))
	if err != nil {
		return nil, nil, nil, err
	}
	gone = f.Left
	if len(f.Changes) < len(g.Roster) {
		gone = append(slices.Clone(gone), g.Left...)
	} else {
		g.Roster = f.Changes
	}
	all, err = g.Rosters()
	return all, f.Left, gone, err
}

func readRosterFile(file string) (f RosterFile, err error) {
	b, err := os.ReadFile(file) //nolint:gosec // G304: in the node's directory
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case err != nil:
		return f, fmt.Errorf("read the roster: %w", err)
	}
	if err := strictjson.Decode(b, &f); err != nil {
		return f, fmt.Errorf("read the roster %s: %w; it can be removed where the founding's file is newer", file, err)
	}
	if f.Version != 1 {
		return f, fmt.Errorf("read the roster %s: version %d, want 1", file, f.Version)
	}
	return f, nil
}

// Write writes it into a node's directory.
func (f RosterFile) Write(dir string) error {
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the roster: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(dir, FileRoster), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the roster: %w", err)
	}
	return nil
}
