package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// commandPatience is how long a command may take that prints the key: a key management
// service may be asked over a network, and a person may have to touch a token.
const commandPatience = time.Minute

// maxComplaint bounds what is told of a command's error output.
const maxComplaint = 400

// OpenByCommand is Open with the key that a command prints, in the form of a key file: for a
// TPM, a key management service or a password manager. The command is a program and its
// arguments, without a shell.
func OpenByCommand(ctx context.Context, dir string, command []string) (*Vault, error) {
	key, err := KeyByCommand(ctx, command)
	if err != nil {
		return nil, err
	}
	return openUnder(dir, key)
}

// KeyByCommand is the key that a program prints. The caller wipes it.
func KeyByCommand(ctx context.Context, command []string) ([]byte, error) {
	if len(command) == 0 {
		return nil, errors.New("run the seal key command: it is empty")
	}
	ctx, stop := context.WithTimeout(ctx, commandPatience)
	defer stop()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // G204: the operator names it
	cmd.WaitDelay = time.Second
	var out, complaint limited
	out.left, complaint.left = maxKeyFile+1, maxComplaint
	defer func() { Wipe(out.buf.Bytes()) }()
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if text := strings.TrimSpace(complaint.buf.String()); text != "" {
			err = fmt.Errorf("%w: %s", err, text)
		}
		return nil, fmt.Errorf("run the seal key command %s: %w", command[0], err)
	}
	key, err := parseKey(out.buf.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%w: what %s prints: %w", ErrKeyFile, command[0], err)
	}
	return key, nil
}

// limited keeps the beginning of what is written to it. Its buffer never grows out of what it
// has at first, so that no copy of a key stays behind.
type limited struct {
	buf  bytes.Buffer
	left int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if l.buf.Cap() == 0 {
		l.buf.Grow(l.left)
	}
	n := min(len(p), l.left)
	l.left -= n
	l.buf.Write(p[:n])
	return len(p), nil
}
