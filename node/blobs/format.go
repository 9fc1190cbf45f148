package blobs

import (
	"context"
	"errors"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
)

// levelSegments is the feature level from which on blobs are kept in segment files (package segment). Until the
// cluster has it, the release before, which knows no such files, can be put back.
const levelSegments = 5

// upgrader is a Disk that may have a format that earlier releases read.
type upgrader interface {
	Old() bool
	Upgrade(ctx context.Context) error
}

// upgrade is the task of going over to segment files, when the cluster has the level.
func (s *Store) upgrade() (t Task, due bool) {
	disk, is := s.Disk.(upgrader)
	if !is || !disk.Old() {
		return Task{}, false
	}
	level := 0
	err := s.Ledger.View(func(v state.View) error {
		c, err := v.Cluster()
		if err == nil {
			level = c.FeatureLevel()
		}
		return err
	})
	if err != nil {
		if !errors.Is(err, records.ErrNotFound) { // else it is not founded yet
			s.Logger.Warn("whether blobs are kept in segment files is not known", "error", err)
		}
		return Task{}, false
	}
	return Task{Name: "keep blobs in segment files", Run: disk.Upgrade}, level >= levelSegments
}
