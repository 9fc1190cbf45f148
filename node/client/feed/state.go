package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/client/feed/spool"
)

// State is what a feed tells of itself. It has no readings.
type State struct {
	Dataset string    `json:"dataset"`
	Running bool      `json:"running"` // filled in by ReadState
	PID     int       `json:"pid,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Written time.Time `json:"written,omitzero"`
	// Sources by name; counts go on over restarts.
	Sources map[string]*SourceState `json:"sources"`
	// Kept are readings that are on disk; PassedOver are those that are not, by why.
	Kept       Kept              `json:"kept"`
	PassedOver map[string]int64  `json:"passed_over,omitempty"`
	Examples   map[string]string `json:"examples,omitempty"` // of the last one of each, without its value
	// Unpublished are cells of closed periods without a value, by why.
	Unpublished    map[string]int64 `json:"unpublished,omitempty"`
	Pending        []PendingPeriod  `json:"pending,omitempty"`
	Late           int              `json:"late_cells"` // changed cells of periods that were appended, for the next correction
	NextCorrection time.Time        `json:"next_correction,omitzero"`
	Appended       *Appended        `json:"appended,omitempty"` // the last time
	Appends        int64            `json:"appends"`
	Error          *Happened        `json:"error,omitempty"`   // of publishing, the last one since the last append
	Stopped        *Happened        `json:"stopped,omitempty"` // why the feed ended, unless it was told to
	Torn           int64            `json:"torn_bytes,omitempty"`
}

// SourceState is of one source.
type SourceState struct {
	Kind      string           `json:"kind"`
	Address   string           `json:"address,omitempty"`
	Open      int              `json:"open_connections,omitempty"`
	Devices   int              `json:"devices,omitempty"` // that sent something since the start
	Last      time.Time        `json:"last,omitzero"`     // frame, line, file or row
	Taken     int64            `json:"taken"`             // frames, lines, files or rows
	Resent    int64            `json:"resent,omitempty"`
	Answered  int64            `json:"answered,omitempty"`
	Commands  map[string]int64 `json:"commands,omitempty"`
	Faults    map[string]int64 `json:"faults,omitempty"`
	Leniences map[string]int64 `json:"leniences,omitempty"`
	Flags     map[string]int64 `json:"flags,omitempty"`
	Error     *Happened        `json:"error,omitempty"`
}

// Kept counts what the spool took.
type Kept struct {
	New      int64 `json:"new"`
	Same     int64 `json:"same"`
	Replaced int64 `json:"replaced"`
}

// PendingPeriod is a period that is not appended yet.
type PendingPeriod struct {
	Period string    `json:"period"`
	Cells  int       `json:"cells"`
	Due    time.Time `json:"due"` // when its lateness is over
}

// Appended is an append.
type Appended struct {
	At          time.Time `json:"at"`
	Version     int       `json:"version"`
	Periods     []string  `json:"periods"`
	Corrections int       `json:"corrected_cells,omitempty"`
}

// Happened is something that went wrong, and when.
type Happened struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

// stateFile is its name in the feed's directory.
const stateFile = "state.json"

// ReadState reads what a feed, running or not, told last.
func ReadState(dir string) (State, error) {
	var s State
	b, err := os.ReadFile(filepath.Join(filepath.Clean(dir), stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("no feed ran in %s yet: there is no %s", dir, stateFile)
	}
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		return s, fmt.Errorf("read what the feed in %s told: %w", dir, err)
	}
	s.Running = spool.Running(filepath.Join(dir, spoolDir))
	return s, nil
}

// StateOf reads what the feed of a configuration, a file, told last.
func StateOf(config string) (State, error) {
	c, err := ReadConfig(config)
	if err != nil {
		return State{}, err
	}
	return ReadState(filepath.Clean(c.Dir))
}

// told is a feed's state while it runs.
type told struct {
	mu    sync.Mutex // guards state
	state State
	file  string
}

// newTold goes on with what an earlier process told.
func newTold(dir, dataset string, now time.Time) *told {
	t := &told{file: filepath.Join(dir, stateFile)}
	if old, err := ReadState(dir); err == nil && old.Dataset == dataset {
		t.state = old
	}
	s := &t.state
	s.Dataset, s.PID, s.Started, s.Stopped, s.Running = dataset, os.Getpid(), now, nil, false
	for _, m := range []*map[string]int64{&s.PassedOver, &s.Unpublished} {
		if *m == nil {
			*m = map[string]int64{}
		}
	}
	if s.Examples == nil {
		s.Examples = map[string]string{}
	}
	if s.Sources == nil {
		s.Sources = map[string]*SourceState{}
	}
	return t
}

// update changes the state.
func (t *told) update(change func(*State)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.state)
}

// source changes the state of a source.
func (t *told) source(name string, change func(*SourceState)) {
	t.update(func(s *State) {
		x := s.Sources[name]
		if x == nil {
			x = &SourceState{}
			s.Sources[name] = x
		}
		for _, m := range []*map[string]int64{&x.Commands, &x.Faults, &x.Leniences, &x.Flags} {
			if *m == nil {
				*m = map[string]int64{}
			}
		}
		change(x)
	})
}

// What others send is counted by kind, and shown: both are bounded, for the state is written every
// second.
const (
	maxKinds   = 64
	maxExample = 200
	otherKinds = "other"
)

// countKind counts what has a name that somebody else chose.
func countKind(m map[string]int64, kind string) {
	if _, known := m[kind]; !known && len(m) >= maxKinds {
		kind = otherKinds
	}
	m[kind]++
}

// passOver counts a reading that is not kept.
func (t *told) passOver(why, example string) {
	if len(example) > maxExample {
		example = strings.ToValidUTF8(example[:maxExample], "") + "…"
	}
	t.update(func(s *State) {
		s.PassedOver[why]++
		s.Examples[why] = example
	})
}

// write writes the state for others to read.
func (t *told) write(now time.Time) error {
	t.mu.Lock()
	t.state.Written = now
	b, err := json.MarshalIndent(&t.state, "", " ")
	t.mu.Unlock()
	if err != nil {
		return err
	}
	return durable.WriteFile(t.file, b, 0o600)
}
