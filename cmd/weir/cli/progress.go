package cli

import (
	"fmt"
	"sync"

	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client/publish"
)

// Progress shows how far a long command is: a bar on a terminal, nothing elsewhere. It
// may be told from several goroutines.
type Progress struct {
	Bar  *term.Bar
	Note func(format string, args ...any)

	mu      sync.Mutex
	told    string // guarded by mu; the last thing noted
	sending bool   // guarded by mu; tiles are being uploaded
	before  int    // guarded by mu; how many tiles had arrived before this upload
}

// NewProgress returns the progress of a command, on stderr.
func (a *App) NewProgress() *Progress {
	return &Progress{Bar: term.NewBar(a.Stderr), Note: a.Note}
}

// tasks are the stages of a publication and what is counted of them.
var tasks = map[publish.Stage]term.Task{
	publish.StageReading:   {Title: "reading files", Unit: "rows"},
	publish.StageRegistry:  {Title: "sending the registry", Unit: "rows"},
	publish.StageUploading: {Title: "encrypting and uploading", Unit: "tiles"},
	publish.StageProposing: {Title: "putting the version into the ledger"},
	publish.StageChecking:  {Title: "nodes store and check"},
}

// Publishing shows the progress of a publication.
func (p *Progress) Publishing(now publish.Progress) {
	switch now.Stage {
	case publish.StageKey:
		p.Tell("waiting for your key: " + now.Waiting)
	case publish.StageReading:
		task := tasks[now.Stage]
		if now.BytesTotal > 0 {
			task.Unit = term.UnitBytes
			p.Bar.Set(task, now.Bytes, now.BytesTotal)
			return
		}
		p.Bar.Set(task, int64(now.Rows), -1)
	case publish.StageRegistry:
		p.Rows(now.Rows, now.RowsTotal)
	case publish.StageUploading:
		p.uploading(now.Tiles, now.TilesTotal)
	default:
		if now.Waiting != "" {
			p.Tell("waiting: " + now.Waiting)
			return
		}
		p.Bar.Spin(tasks[now.Stage])
	}
}

// Tell notes something that a person should know even without a terminal, once.
func (p *Progress) Tell(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.told != what {
		p.told = what
		p.Bar.Hide()
		p.Note("%s", what)
	}
}

// Rows shows the progress of a registry.
func (p *Progress) Rows(done, total int) {
	p.Bar.Set(tasks[publish.StageRegistry], int64(done), int64(total))
}

// uploading shows the progress of an upload. Of one that is taken up again the rate is of
// what is sent now.
func (p *Progress) uploading(done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.sending {
		p.sending, p.before = true, max(done-1, 0)
	}
	task := tasks[publish.StageUploading]
	if p.before > 0 {
		task.Title += fmt.Sprintf(", %d of %d being there", p.before, total)
	}
	p.Bar.Set(task, int64(done-p.before), int64(total-p.before))
}

// Finish removes the bar, and returns when nothing moves any more. It may be called
// twice.
func (p *Progress) Finish() {
	p.Bar.Erase()
	p.mu.Lock()
	p.sending = false
	p.mu.Unlock()
}
