package desk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirdata/weir/consensus/durable"
)

// NotebookFile is the file, in the directory of a desk, with a link for notebooks. It counts once, as each link does; when
// it was used, another stands there. Only this user reads it, and it goes with the desk.
const NotebookFile = "desk.link"

// writeNotebookLink puts a new link into the file.
func (d *Desk) writeNotebookLink() error {
	link := d.gate.link()
	d.gate.mu.Lock()
	d.gate.notebook = link[strings.LastIndexByte(link, '/')+1:]
	d.gate.mu.Unlock()
	if err := durable.WriteFile(d.notebookFile(), []byte(link+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the link for notebooks: %w", err)
	}
	return nil
}

func (d *Desk) notebookFile() string { return filepath.Join(d.options.Dir, NotebookFile) }

// opened puts another link into the file when the one in it was used.
func (d *Desk) opened(token string) {
	d.gate.mu.Lock()
	notebook := d.gate.notebook != "" && equal(token, d.gate.notebook)
	d.gate.mu.Unlock()
	if !notebook {
		return
	}
	if err := d.writeNotebookLink(); err != nil {
		d.options.Logger.Warn("there is no further link for notebooks", "why", err)
	}
}

// removeNotebookLink removes the file, where it is still this desk's.
func (d *Desk) removeNotebookLink() error {
	b, err := os.ReadFile(d.notebookFile())
	if err == nil && strings.HasPrefix(string(b), "http://"+d.gate.host+openPath) {
		err = os.Remove(d.notebookFile())
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the link for notebooks: %w", err)
	}
	return nil
}
