package panel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/weirdata/weir/compute/spill"
	"github.com/weirdata/weir/compute/table"
)

// Options of Read.
type Options struct {
	Workers  int            // files read at once; 0: GOMAXPROCS
	Progress func(rows int) // rows read so far, of all files; by one goroutine at a time. nil: none
	// Attributes are, by entity of a registry that is given, its values of the source's
	// attributes. Where files have these columns, they must have these values.
	Attributes [][]string
	// Caps are, of a registry that is given, the greatest reading that each entity may have, by
	// measure (Source.CapsBy); nil where the policy names none.
	Caps [][]int64
	// Memory is how many bytes rows and readings may take before they go to a temporary
	// file; 0: DefaultMemory. Temporary is the directory of the file; empty: the system's.
	Memory    int
	Temporary string
	// Replace lets a reading take the place of one of an earlier file; else no two rows
	// may be of one entity and period. Within a file none may in any case.
	Replace bool
}

// ErrNoRegistry is returned when the descriptor names a registry and none is
// given, or the other way round.
var ErrNoRegistry = errors.New("registry does not fit the descriptor")

// Read reads the files into one panel. registry lists the ids of the
// descriptor's registry in its order; it is nil where the data makes its own,
// of the distinct entities sorted byte by byte, and then attributes are its
// rows: id, then the descriptor's attributes in order (catalog.RegistryRows).
//
// Faults of the data are returned as *Errors, and nothing else then. A panel is closed
// when it is not needed any more.
func Read(ctx context.Context, src *Source, registry []string, files []File, o Options) (p *Panel, attributes [][]string, err error) {
	if len(src.Columns) == 0 || len(src.Columns) != len(src.Descriptor.Measures) {
		return nil, nil, fmt.Errorf("read files: %d columns for %d measures", len(src.Columns), len(src.Descriptor.Measures))
	}
	if registry != nil && len(src.Descriptor.Policy.Caps) > 0 && o.Caps == nil {
		return nil, nil, fmt.Errorf("%w: the policy has caps, and none are given", ErrNoRegistry)
	}
	if o.Attributes != nil && len(o.Attributes) != len(registry) {
		return nil, nil, fmt.Errorf("%w: attributes of %d entities for %d ids", ErrNoRegistry, len(o.Attributes), len(registry))
	}
	if (src.Registry == "") != (registry == nil) {
		return nil, nil, fmt.Errorf("%w: the descriptor names %q, %d ids are given", ErrNoRegistry, src.Registry, len(registry))
	}
	faults := &Errors{}
	if files, err = table.Expand(distinctFiles(files, faults)); err != nil {
		return nil, nil, fmt.Errorf("read files: %w", err)
	}
	inStore, _, inBand := o.memory()
	store := spill.New(o.Temporary, inStore)
	defer func() {
		if p == nil {
			err = errors.Join(err, store.Close())
		}
	}()
	read, err := readFiles(ctx, src, registry, files, o, store)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range read {
		faults.join(f.faults)
	}
	sameContent(read, faults)
	own := &Errors{} // of the files together
	if registry == nil {
		registry, attributes = mergeEntities(src, read, own)
		if o.Caps, err = src.ownCaps(attributes); err != nil {
			return nil, nil, err
		}
	}
	a := &assembly{src: src, registry: registry, files: read, faults: own, faulty: faults.Total > 0, replace: o.Replace, caps: o.Caps, store: store, memory: inBand}
	whole, err := a.panel(ctx)
	if err != nil {
		return nil, nil, err
	}
	faults.join(*own)
	if faults.Total > 0 {
		faults.sort(files)
		return nil, nil, faults
	}
	whole.Caps = o.Caps
	whole.Report = a.report(attributes)
	return whole, attributes, nil
}

// distinctFiles are the files without those that are given again.
func distinctFiles(files []File, faults *Errors) []File {
	seen := make(map[string]bool, len(files))
	return slices.DeleteFunc(slices.Clone(files), func(f File) bool {
		name := filepath.Clean(f.Name)
		if seen[name] {
			faults.add(&DataError{File: f.Name, Message: "is given twice", Want: "name every file once"})
		}
		again := seen[name]
		seen[name] = true
		return again
	})
}

func readFiles(ctx context.Context, src *Source, ids []string, files []File, o Options, store *spill.Store) ([]*rows, error) {
	var reg *registry
	if ids != nil {
		reg = newRegistry(ids)
		reg.attributes = src.canonicalNumbers(o.Attributes)
	}
	var progress sync.Mutex // guards total
	total := 0
	report := func(n int) {
		if o.Progress == nil {
			return
		}
		progress.Lock()
		defer progress.Unlock()
		total += n
		o.Progress(total)
	}
	workers := max(min(cmp.Or(max(o.Workers, 0), runtime.GOMAXPROCS(0)), len(files)), 1)
	_, inBatches, _ := o.memory()
	width := len(src.Columns)
	if src.single() {
		width = 2
	}
	batchRows := max(inBatches/rowBytes(width)/workers, 1)
	rules := rulesOf(src)
	read := make([]*rows, len(files))
	errs := make([]error, len(files))
	seed := maphash.MakeSeed()
	next := make(chan int, len(files))
	for i := range files {
		next <- i
	}
	close(next)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range next {
				r := &rowReader{src: src, rules: rules, registry: reg, progress: report, store: store, batchRows: batchRows}
				if src.Replicates == replicatesMean && len(files) > 1 {
					r.content = newContentHash(seed)
				}
				if errs[i] = ctx.Err(); errs[i] == nil {
					read[i], errs[i] = r.read(ctx, files[i])
				}
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read files: %w", err)
	}
	return read, errors.Join(errs...)
}
