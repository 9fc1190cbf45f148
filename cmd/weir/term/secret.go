package term

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// ReadSecret asks the person at a terminal for a line that is not shown. The goroutine that
// reads ends with standard input: with the process.
func ReadSecret(ctx context.Context, in io.Reader, out io.Writer, question string) ([]byte, error) {
	f, ok := in.(*os.File)
	if !ok || !IsTerminal(f) {
		return nil, errors.New("ask for a passphrase: nobody is here to be asked")
	}
	fd := int(f.Fd()) //nolint:gosec // descriptors are small
	before, err := term.GetState(fd)
	if err == nil {
		_, err = io.WriteString(out, question)
	}
	if err != nil {
		return nil, fmt.Errorf("ask for a passphrase: %w", err)
	}
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), term.Restore(fd, before)) // it would not show what is typed next
	case l := <-read:
		_, _ = io.WriteString(out, "\n")
		if l.err != nil {
			return nil, fmt.Errorf("ask for a passphrase: %w", l.err)
		}
		return l.text, nil
	}
}
