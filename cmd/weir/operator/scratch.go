package operator

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// drillPrefix begins the names of directories in which drills work.
const drillPrefix = "weir-drill-"

// scratch is a directory in which a drill has a ledger in the clear. It is locked while the drill runs: the system lets
// the lock go with the process, however that ends, and the next drill removes what nobody has locked.
type scratch struct {
	dir  string
	lock *os.File
}

// newScratch makes a directory beside others.
func newScratch(beside string) (scratch, error) {
	for range 10 { // another drill that begins now may take a new directory for one that was left
		dir, err := os.MkdirTemp(beside, drillPrefix)
		if err != nil {
			return scratch{}, err
		}
		lock, err := lockScratch(dir)
		if err == nil {
			return scratch{dir, lock}, nil
		}
		if !errors.Is(err, errInUse) {
			return scratch{}, errors.Join(err, os.RemoveAll(dir)) //nolint:gosec // G703: made above
		}
	}
	return scratch{}, fmt.Errorf("%s: %w", beside, errInUse)
}

// remove removes the directory, and then lets the lock go.
func (s scratch) remove() error {
	err := os.RemoveAll(s.dir)
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

// errInUse is returned for a directory that a drill which runs works in, or that is gone.
var errInUse = errors.New("another drill has it")

// sweepScratch removes what drills left that were killed, and says so, and what it could not.
func sweepScratch(beside string) (said []string) {
	all, err := filepath.Glob(filepath.Join(globEscape(beside), drillPrefix+"*"))
	if err != nil {
		return []string{fmt.Sprintf("look for what a drill left: %v", err)}
	}
	for _, dir := range all {
		lock, err := lockScratch(dir)
		if err == nil {
			err = scratch{dir, lock}.remove()
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

// globEscape makes a path a pattern of itself alone.
func globEscape(path string) string {
	var out []rune
	for _, c := range path {
		if c == '*' || c == '?' || c == '[' || c == '\\' && filepath.Separator != '\\' {
			out = append(out, '\\')
		}
		out = append(out, c)
	}
	return string(out)
}
