package pairs

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"

	"github.com/dgraph-io/badger/v4/table"
)

// Badger cuts the file of a table to nothing before it removes it. A scrub that reads it in
// between, or whatever else is left of a table that is no part of the state any more, finds no
// damage; a table that is part of it and has nothing is damaged.
func TestScrubPassesOverATableThatIsBeingRemoved(t *testing.T) {
	o := Options{NoSync: true, MemTable: 8 << 20, Logger: slog.New(slog.DiscardHandler)}
	dir := t.TempDir()
	open := func() *store {
		g, err := In(dir, o).Open()
		if err != nil {
			t.Fatal(err)
		}
		return g.(*store)
	}
	for i := range 2 { // closing writes what is in memory to a table
		g := open()
		if err := g.Write(slices.Values([]Change{{Key: fmt.Sprint(i), Value: make([]byte, 1000)}})); err != nil {
			t.Fatal(err)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
	g := open()
	defer func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}()
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
