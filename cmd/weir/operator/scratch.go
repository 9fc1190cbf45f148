package operator

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// drillPrefix begins the names of directories in which drills work, which os.MkdirTemp ends with digits.
const drillPrefix = "weir-drill-"

// drillLedger is all that there is in such a directory.
const drillLedger = "ledger"

// scratch is a directory in which a drill has a ledger in the clear. It is locked while the drill runs: the system lets
// the lock go with the process, however that ends, and the next drill removes what nobody has locked.
type scratch struct {
	dir  string
	lock *os.File
}

// ledger is where the ledger is.
func (s scratch) ledger() string { return filepath.Join(s.dir, drillLedger) }

// newScratch makes a directory beside others.
func newScratch(beside string) (scratch, error) {
	for range 10 { // another drill that begins now may take a new directory for one that was left
		dir, err := os.MkdirTemp(beside, drillPrefix)
		if err != nil {
			return scratch{}, err
		}
		lock, err := lockScratch(dir)
		if err == nil {
			s := scratch{dir, lock}
			if err = os.Mkdir(s.ledger(), 0o700); err != nil {
				return scratch{}, errors.Join(err, s.remove())
			}
			return s, nil
		}
		if !errors.Is(err, errInUse) {
			return scratch{}, errors.Join(err, os.RemoveAll(dir)) //nolint:gosec // G703: made above
		}
	}
	return scratch{}, fmt.Errorf("%s: %w", beside, errInUse)
}

// remove removes the directory, and then lets the lock go.
func (s scratch) remove() error { return errors.Join(os.RemoveAll(s.dir), s.unlock()) }

// unlock lets the lock go, where there is one: see lockScratch.
func (s scratch) unlock() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}

// errInUse is returned for a directory that a drill which runs works in, or that is gone.
var errInUse = errors.New("another drill has it")

// sweepScratch removes what drills left that were killed, and says so, and what it could not.
func sweepScratch(beside string) (said []string) {
	all, err := os.ReadDir(beside)
	if err != nil {
		return []string{fmt.Sprintf("look for what a drill left: %v", err)}
	}
	for _, entry := range all {
		if !isScratchName(entry.Name()) {
			continue
		}
		dir := filepath.Join(beside, entry.Name())
		lock, err := lockScratch(dir)
		if err == nil {
			err = removeLeft(scratch{dir, lock})
		}
		switch {
		case err == nil:
			said = append(said, "a drill that was killed had left the ledger in the clear in "+dir+": it is removed")
		case errors.Is(err, errInUse):
			said = append(said, "another drill runs in "+dir)
		default:
			said = append(said, fmt.Sprintf("a drill that was killed, or that still runs, has the ledger in the clear in %s: remove it when none runs (%v)", dir, err))
		}
	}
	return said
}

// isScratchName reports whether a drill gives a directory such a name. People may keep receipts in one of another.
func isScratchName(name string) bool {
	digits, is := strings.CutPrefix(name, drillPrefix)
	return is && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// removeLeft removes what a drill left. A directory in which there is anything else than a ledger stays: no drill made it.
func removeLeft(s scratch) error {
	list, err := os.ReadDir(s.dir)
	for _, e := range list {
		if e.Name() != drillLedger || !e.IsDir() {
			err = errors.Join(err, fmt.Errorf("%s is not of a drill", e.Name()))
		}
	}
	if err != nil {
		return errors.Join(err, s.unlock())
	}
	return s.remove()
}
