package panel

import (
	"context"
	"slices"

	"github.com/weirdata/weir/compute/table"
)

// Header is the header of a file, as the source's files are read. A file of which none can be
// found is an *Errors.
func Header(ctx context.Context, src *Source, f File) ([]string, error) {
	h := &headerOnly{file: f.Name}
	files, err := table.Expand([]File{f})
	if err != nil {
		return nil, err
	}
	for _, one := range files[:min(1, len(files))] {
		if err := table.Read(ctx, one, src.TableOptions(), h); err != nil {
			return nil, err
		}
	}
	if h.faults.Total > 0 {
		return nil, &h.faults
	}
	return h.names, nil
}

// headerOnly takes a header.
type headerOnly struct {
	file   string
	names  []string
	faults Errors
}

// Begin implements table.Sink.
func (h *headerOnly) Begin(x table.Head) bool {
	h.names = slices.Clone(x.Names)
	return false
}

// Row implements table.Sink.
func (h *headerOnly) Row([]string, int) error { return table.ErrEnough }

// Fault implements table.Sink.
func (h *headerOnly) Fault(line int, message, want string) {
	h.faults.add(&DataError{File: h.file, Row: line, Message: message, Want: want})
}

// Faulty implements table.Sink.
func (h *headerOnly) Faulty() bool { return h.faults.Total > 0 }

// Discard implements table.Sink.
func (h *headerOnly) Discard() { h.names, h.faults = nil, Errors{} }
