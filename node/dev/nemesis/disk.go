package nemesis

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// errNoDisk is returned where a disk of a small size cannot be made.
var errNoDisk = errors.New("a disk of its own cannot be made here")

// disk is a small disk that all nodes are on.
type disk struct{ dir string }

// ballast is the file that fills it.
func (d *disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fillDisk leaves no room for any node: nothing can be acknowledged until there is some.
func (r *run) fillDisk(context.Context) (string, heal, error) {
	f, err := os.Create(r.disk.ballast())
	if err != nil {
		return "", nil, err
	}
	block := slices.Repeat([]byte{7}, 1<<20)
	for err == nil {
		_, err = f.Write(block) // until there is no room
	}
	if info, serr := f.Stat(); serr != nil || info.Size() == 0 {
		return "", nil, fmt.Errorf("the disk was full already: %w", errors.Join(err, serr))
	}
	free := func(context.Context) error {
		if err := os.Remove(r.disk.ballast()); err != nil {
			return err
		}
		return r.supervise()
	}
	return "of all nodes", free, f.Close()
}

// supervise starts nodes that have ended, as a supervisor does: a page of a mapped file for
// which there was no room ends a process.
func (r *run) supervise() error {
	for id, how := range r.cluster.Exited() {
		r.opts.Log(fmt.Sprintf("%s ended (%v): %s", id, how, r.lastLine(id)))
		if err := r.cluster.StartNode(id); err != nil {
			return err
		}
	}
	return nil
}
