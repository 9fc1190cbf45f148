// Package auditlog writes who did what in a cluster as lines of JSON into a file, for those
// who collect such files.
//
// A line is an act of a person or an organisation that became an entry of the ledger, done or
// refused, in the ledger's order. What nodes do among themselves is left out, and so is what
// never became an entry: a request that was refused at the door is in the node's own log.
//
// The ledger is what counts, and the file follows it: after a restart the log goes on where it
// was, without a gap and without a line twice, since PATH.next has the number of the next
// entry and a crash between the two is seen in the last line. A file that was moved away, as
// logrotate does, is begun anew. A file that cannot be written holds up nothing but itself:
// what is missing is written when it can be (Behind).
package auditlog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/shortform"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/consensus/evidence"
)

// Line is an act.
type Line struct {
	Time     string         `json:"time,omitempty"` // RFC 3339, UTC
	Seq      uint64         `json:"seq"`            // of the entry
	Signer   string         `json:"signer"`
	Name     string         `json:"name,omitempty"` // of the signer, where the ledger has one
	Kind     catalog.Kind   `json:"kind,omitempty"`
	ID       string         `json:"id,omitempty"`   // of what was made or changed
	Result   string         `json:"result"`         // done, refused, repeated, void or unreadable
	Rule     string         `json:"rule,omitempty"` // by which it was refused
	Code     string         `json:"code,omitempty"` // why
	Envelope catalog.Digest `json:"envelope"`       // SHA-256 of what was signed
}

// Source is the ledger as this package reads it.
type Source interface {
	// NextSeq is the number of entries.
	NextSeq() uint64
	Record(seq uint64) (evidence.Record, error)
	// Changes notifies when there may be more entries.
	Changes() (changes <-chan struct{}, cancel func())
}

// Log is the file. Follow belongs to one goroutine; Behind may be called from any.
type Log struct {
	path   string
	source Source
	name   func(principal string) string
	log    *slog.Logger
	next   uint64         // entry to look at
	last   catalog.Digest // of the entry before it; zero: not known
	// restored is the entry that put the ledger back from a backup, as far as the file tells.
	restored uint64

	behind atomic.Uint64
}

const (
	// batch is how many entries are looked at before what they gave is synced.
	batch = 1000
	// retry is the pause after the file could not be written.
	retry = 10 * time.Second
	// maxLine bounds the last line that is read at the start.
	maxLine = 64 << 10
)

// New returns the log in a file, which Follow writes. name tells what a principal is called,
// empty where that is not known.
func New(path string, source Source, name func(principal string) string, log *slog.Logger) (*Log, error) {
	l := &Log{path: path, source: source, name: name, log: log}
	b, err := os.ReadFile(l.mark())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("open the audit log: %w", err)
	default:
		if err := l.readMark(b); err != nil {
			return nil, fmt.Errorf("open the audit log: %s does not say how far it is; remove it to write the log from the first entry again: %w", l.mark(), err)
		}
	}
	last, found, err := lastSeq(path)
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	if found && last >= l.next {
		l.next, l.last = last+1, catalog.Digest{} // which entry that was is not known
	}
	return l, nil
}

func (l *Log) readMark(b []byte) (err error) {
	words := strings.Fields(string(b))
	if len(words) != 3 {
		return fmt.Errorf("%d words, want 3", len(words))
	}
	if l.next, err = strconv.ParseUint(words[0], 10, 64); err != nil {
		return err
	}
	if l.last, err = catalog.ParseDigest(words[1]); err != nil {
		return err
	}
	l.restored, err = strconv.ParseUint(words[2], 10, 64)
	return err
}

func (l *Log) mark() string { return l.path + ".next" }

// Behind is how many entries the file lacks.
func (l *Log) Behind() uint64 { return l.behind.Load() }

// Follow writes what the ledger has and will have, until ctx ends.
func (l *Log) Follow(ctx context.Context) {
	changes, stop := l.source.Changes()
	defer stop()
	for {
		err := l.catchUp(ctx)
		if err != nil && ctx.Err() == nil {
			l.log.ErrorContext(ctx, "the audit log is behind", "entries", l.Behind(), "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(retry):
				continue
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-changes:
		}
	}
}

// catchUp writes every entry that there is.
func (l *Log) catchUp(ctx context.Context) error {
	if err := l.compare(); err != nil {
		return err
	}
	for ctx.Err() == nil {
		size := l.source.NextSeq()
		l.behind.Store(size - min(size, l.next))
		if l.next >= size {
			return nil
		}
		if err := l.write(min(size, l.next+batch)); err != nil {
			return err
		}
	}
	return nil
}

// compare goes back to where the cluster was restored, if it was since the last line: from there on its
// entries are others. The first of them may be some that only a node had which is lost.
func (l *Log) compare() error {
	size := l.source.NextSeq()
	if l.next == 0 {
		return nil
	}
	if l.next <= size {
		r, err := l.source.Record(l.next - 1)
		if err != nil {
			return fmt.Errorf("read entry %d: %w", l.next-1, err)
		}
		if l.last.IsZero() || catalog.Digest(r.EntryDigest()) == l.last {
			return nil
		}
	}
	// A ledger that is shorter may only be catching up.
	for seq := min(l.next, size); seq > 0; seq-- {
		r, err := l.source.Record(seq - 1)
		if err != nil {
			return fmt.Errorf("read entry %d: %w", seq-1, err)
		}
		line := Read(seq-1, r)
		if line.Kind != catalog.KindClusterRestore || line.Result != "done" {
			continue
		}
		if line.Seq == l.restored {
			return nil
		}
		b, err := json.Marshal(Line{Time: line.Time, Seq: line.Seq, Kind: line.Kind, Result: "restored", Envelope: line.Envelope})
		if err != nil {
			return fmt.Errorf("write that the ledger was restored: %w", err)
		}
		if err := appendSynced(l.path, append(b, '\n')); err != nil {
			return err
		}
		l.next, l.last, l.restored = agreed(line.Seq, r.Entry), catalog.Digest{}, line.Seq
		return l.note()
	}
	return nil
}

// agreed is how many entries before a restore are those that there were.
func agreed(seq uint64, entry []byte) uint64 {
	e, err := catalog.ParseEntry(entry)
	if err != nil {
		return seq
	}
	p, err := catalog.ParsePayload(e.Envelope.Payload)
	if err != nil {
		return seq
	}
	var b recovery.Restore
	if err := catalog.DecodeStrict(p.Body, &b); err != nil {
		return seq
	}
	return min(seq, b.Order.Agreed())
}

// note keeps how far the file is.
func (l *Log) note() error {
	return durable.WriteFile(l.mark(), fmt.Appendf(nil, "%d %s %d\n", l.next, l.last, l.restored), 0o600)
}

// write appends the lines of the entries before end.
func (l *Log) write(end uint64) (err error) {
	var lines bytes.Buffer
	var last catalog.Digest
	for seq := l.next; seq < end; seq++ {
		r, err := l.source.Record(seq)
		if err != nil {
			return fmt.Errorf("read entry %d: %w", seq, err)
		}
		last = r.EntryDigest()
		if line := Read(seq, r); !isNode(line.Signer) {
			line.Name = l.name(line.Signer)
			b, err := json.Marshal(line)
			if err != nil {
				return fmt.Errorf("write entry %d: %w", seq, err)
			}
			lines.Write(append(b, '\n'))
		}
	}
	if lines.Len() > 0 {
		if err := appendSynced(l.path, lines.Bytes()); err != nil {
			return err
		}
	}
	l.next, l.last = end, last
	return l.note()
}

// Read returns what an entry says. What cannot be read is told of, and holds nothing up.
func Read(seq uint64, r evidence.Record) Line {
	line := Line{Seq: seq, Result: "unreadable"}
	if r.Shortened {
		return readShort(line, r)
	}
	e, err := catalog.ParseEntry(r.Entry)
	if err != nil {
		return line
	}
	line.Time = timeOf(e.Time)
	line.Signer, line.Envelope = e.Envelope.Signer, e.Envelope.Digest()
	if r.Void {
		line.Result = "void"
		return line
	}
	var o catalog.Outcome
	if json.Unmarshal(r.Outcome, &o) != nil {
		return line
	}
	line.Kind, line.ID, line.Result = o.Kind, o.ID, "done"
	switch {
	case o.Refusal != nil:
		line.Result, line.Rule, line.Code = "refused", o.Refusal.Rule, o.Refusal.Code
	case o.Repeat:
		line.Result = "repeated"
	}
	return line
}

func timeOf(milli int64) string {
	return time.UnixMilli(milli).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// readShort is Read of an entry that is shortened.
func readShort(line Line, r evidence.Record) Line {
	kept, was, err := shortform.Read(r.Short, r.Outcome)
	if err != nil {
		return line
	}
	line.Time, line.Signer, line.Envelope = timeOf(was.Time), catalog.NodeSigner(was.Share.Node), kept.Envelope
	line.Kind, line.ID, line.Result = was.Kind, was.ID, "done"
	return line
}

func isNode(signer string) bool { return strings.HasPrefix(signer, catalog.NodeSigner("")) }

// appendSynced adds to a file of mode 0600, which it makes if need be. What a failure left
// half written is cut off.
func appendSynced(path string, b []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err != nil && info.Mode().IsRegular() {
		err = errors.Join(err, f.Truncate(info.Size()))
	}
	return err
}

// lastSeq is the number of the entry in a file's last line. A line without its end is cut off:
// it was being written when the machine stopped.
func lastSeq(path string) (seq uint64, found bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, false, err
	}
	from := max(0, size-maxLine)
	tail := make([]byte, size-from)
	if _, err := f.ReadAt(tail, from); err != nil {
		return 0, false, err
	}
	whole := bytes.LastIndexByte(tail, '\n') + 1
	if whole < len(tail) {
		if whole == 0 && from > 0 {
			return 0, false, fmt.Errorf("%s ends in a line of more than %d bytes: it is no audit log", path, maxLine)
		}
		if err := f.Truncate(from + int64(whole)); err != nil {
			return 0, false, err
		}
	}
	last := bytes.TrimRight(tail[:whole], "\n")
	last = last[bytes.LastIndexByte(last, '\n')+1:]
	if len(last) == 0 {
		return 0, false, nil
	}
	var line Line
	if err := json.Unmarshal(last, &line); err != nil {
		return 0, false, fmt.Errorf("%s ends in a line that is none of an audit log; move it away, or give another file: %w", path, err)
	}
	return line.Seq, true, nil
}
