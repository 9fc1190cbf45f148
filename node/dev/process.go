package dev

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// stopWait is how long a node may take to stop before it is killed: longer than a disk that is
// busy stands still.
const stopWait = time.Minute

// process is one node that runs.
type process struct {
	cmd    *exec.Cmd
	alive  io.Closer // our end of the pipe; the node stops when it closes
	log    *os.File
	done   chan struct{}
	err    error // after done
	ending sync.Once
}

// startProcess runs command with its output appended to logFile.
func startProcess(command []string, logFile, pidFile string) (*process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the node's log: %w", err)
	}
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec // our own binary
	cmd.Stdout, cmd.Stderr = log, log
	// An interrupt typed at the terminal goes to us alone; we stop the nodes.
	cmd.SysProcAttr = ownProcessGroup()
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the node: %w", err), alive.Close(), log.Close())
	}
	p := &process{cmd: cmd, alive: alive, log: log, done: make(chan struct{})}
	if err := os.WriteFile(pidFile, []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o600); err != nil {
		p.kill()
		return nil, fmt.Errorf("write the node's process id: %w", err)
	}
	go func() {
		defer close(p.done)
		p.err = errors.Join(cmd.Wait(), log.Close())
	}()
	return p, nil
}

// gone reports whether the process has ended.
func (p *process) gone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop asks the node to stop and waits, at most stopWait; then it kills it.
func (p *process) stop() error {
	var errs []error
	p.ending.Do(func() {
		// Waiting for a process closes the pipe, too.
		if err := p.alive.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	})
	t := time.NewTimer(stopWait)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
		p.kill()
		<-p.done
		errs = append(errs, fmt.Errorf("node %d did not stop within %s and was killed", p.cmd.Process.Pid, stopWait))
	}
	return errors.Join(errs...)
}

// kill ends the node without warning.
func (p *process) kill() {
	// The process may be gone already, which is what was asked for.
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
}
