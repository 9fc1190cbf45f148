package feed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/weirdata/weir/compute/panel"
)

// fullListener says a few times that the system has no more files.
type fullListener struct {
	net.Listener
	mu   sync.Mutex
	left int
}

func (l *fullListener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left > 0 {
		l.left--
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

// Connections that use up the system's files do not end the feed: others are taken once there
// is room.
func TestAFeedOutlivesTooManyConnections(t *testing.T) {
	inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &intake{config: &Config{}, told: newTold(t.TempDir(), "d", time.Now()), now: time.Now}
	x := &frames{opened: opened{intake: f, source: &Source{Name: "chimneys", Idle: time.Minute}, stop: func(error) {}}, listener: &fullListener{Listener: inner, left: 2}, devices: map[string]bool{}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- x.run(ctx) }()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	for open := 0; open == 0; {
		f.told.source("chimneys", func(s *SourceState) { open = s.Open })
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		default:
		}
	}
	stop()
	if err := errors.Join(<-ended, conn.Close()); err != nil {
		t.Error(err)
	}
	f.told.source("chimneys", func(s *SourceState) {
		if s.Faults["too_many_connections"] != 2 {
			t.Errorf("%v", s.Faults)
		}
	})
	if n := connectionLimit(); n < 1 || n > openFiles()/2 {
		t.Errorf("%d connections of %d files", n, openFiles())
	}
}

// A file that another one took the place of while it was read is not called done.
func TestAFileThatIsReplacedWhileItIsReadIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.csv")
	write := func(text string) {
		t.Helper()
		if err := errors.Join(os.WriteFile(path+".new", []byte(text), 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, doneFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	write("one")
	read, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	write("two")
	x := &directory{rows: rows{opened: opened{source: &Source{Path: dir}}}}
	if err := x.move(read, "a.csv", doneFolder); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "two" {
		t.Errorf("%q, %v", text, err)
	}
	if read, err = os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	if err := x.move(read, "a.csv", doneFolder); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, doneFolder, "a.csv")); err != nil || string(text) != "two" {
		t.Errorf("%q, %v", text, err)
	}
}

// What goes into the state and the log has no readings, though columns are mixed up.
func TestFaultsAreToldWithoutReadings(t *testing.T) {
	const reading = "918273.645"
	faults := &panel.Errors{Total: 7, List: []*panel.DataError{{Row: 3, Column: "NOX", Message: fmt.Sprintf("%q is outside the declared range", reading), Want: "0 to 100"}}}
	answer := faultyAnswer(faults)
	if !strings.Contains(answer.Error(), "7 faults, the first in row 3, column NOX") {
		t.Error(answer)
	}
	_, update := updateTime(reading)
	_, line := timeOf(reading, time.UTC)
	for _, err := range []error{answer, update, line} {
		if err == nil || strings.Contains(err.Error(), "918273") {
			t.Errorf("%v", err)
		}
	}
}
