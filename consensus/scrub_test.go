package consensus

import (
	"os"
	"testing"

	"github.com/dgraph-io/badger/v4/table"
)

// Badger cuts the file of a table to nothing before it removes it. A scrub that reads it in
// between, or whatever else is left of a table that is no part of the state any more, finds no
// damage; a table that is part of it and has nothing is damaged.
func TestScrubPassesOverATableThatIsBeingRemoved(t *testing.T) {
	s := &appliedState{dir: t.TempDir(), noSync: true, memTable: 8 << 20, logger: discard}
	for range 2 { // closing writes what is in memory to a table
		if err := s.open(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.applyBatch(overwriting(1000), entries(s, "x")); err != nil {
			t.Fatal(err)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	g, err := s.acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer g.release()
	listed := g.db.Tables()
	if len(listed) == 0 {
		t.Fatal("the state has no table")
	}
	const removed = 4711
	if err := os.WriteFile(table.NewFilename(removed, g.dir), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.scrubTable(removed); err != nil {
		t.Errorf("a table that is being removed: %v", err)
	}
	file := table.NewFilename(listed[0].ID, g.dir)
	if err := os.Rename(file, file+".away"); err != nil { // badger has it open
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.scrubTable(listed[0].ID); err == nil {
		t.Error("a table that has nothing is taken for whole")
	}
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	if err := g.scrubTable(listed[0].ID); err != nil {
		t.Errorf("a whole table: %v", err)
	}
}
