package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestWhatThereIsNotLeadsToTheList(t *testing.T) {
	for message, want := range map[string]string{
		`there is no dataset "plant"`:   "see `weir dataset list`",
		`there is no registry "firms"`:  "see `weir registry list`",
		`there is no contract "c-12"`:   "see `weir contract list`",
		`there is no contract "o-12"`:   "that is the id of an order; see `weir contract list`",
		`there is no order "c-12"`:      "that is the id of a contract; see `weir order list`",
		`there is no order "mine"`:      "see `weir order list`",
		`there is no vector "v-12"`:     "",
		`contract c-12 is active`:       "",
		`there is no datasets in there`: "",
	} {
		if got := suggestList(message); got != want {
			t.Errorf("%s: got %q, want %q", message, got, want)
		}
	}
}

func TestAFileThatCannotBeReadIsNamedOnceInWords(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.csv")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, gone := os.Open(filepath.Join(dir, "gone.csv"))
	_, directory := os.ReadFile(dir)
	_, below := os.Open(filepath.Join(file, "b.csv"))
	for _, c := range []struct {
		err  error
		want string
	}{
		{gone, dir + "/gone.csv: there is no such file"},
		{fmt.Errorf("opening %s/gone.csv: %w", dir, gone), dir + "/gone.csv: there is no such file"},
		{fmt.Errorf("read the founding: %w", gone), "read the founding: " + dir + "/gone.csv: there is no such file"},
		{fmt.Errorf("reading %s: %w", dir, directory), dir + ": is a directory, not a file"},
		{fmt.Errorf("open %s/gone.csv: %w", dir, gone), dir + "/gone.csv: there is no such file"},
		{fmt.Errorf("read %s: %w", dir, directory), dir + ": is a directory, not a file"},
		{below, file + "/b.csv: a file is in the place of a directory"},
		{errors.New("something else"), "something else"},
	} {
		if got := describeFileError(c.err); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
