package evidence

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrMalformed is returned for a text that is not of the form it should have.
var ErrMalformed = errors.New("malformed evidence")

// Checkpoint is the head of a tree: what a node signs.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   Hash
}

// Origin names the log of a cluster, whose id is hexadecimal.
func Origin(cluster string) string { return "weir/" + cluster }

// Text is the note text of the checkpoint (c2sp.org/tlog-checkpoint): origin,
// size and root, a line each. It has no extension lines.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// ParseCheckpoint is the inverse of [Checkpoint.Text]. Extension lines are
// refused: no node writes them, and nobody could audit them.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return Checkpoint{}, fmt.Errorf("%w: a checkpoint is origin, size and root, a line each", ErrMalformed)
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: a checkpoint's size: %w", ErrMalformed, err)
	}
	if _, err := treeInt(size); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: a checkpoint's size: %w", ErrMalformed, err)
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("a checkpoint's root: %w", err)
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	if c.Text() != text {
		return Checkpoint{}, fmt.Errorf("%w: a checkpoint's size %.30q is not in its only form", ErrMalformed, lines[1])
	}
	return c, nil
}

// parseHash reads the base64 of a hash, in its only form.
func parseHash(s string) (Hash, error) {
	b, err := decodeBase64(s)
	if err != nil || len(b) != len(Hash{}) {
		return Hash{}, fmt.Errorf("%w: %.60q is not the base64 of a hash", ErrMalformed, s)
	}
	return Hash(b), nil
}

// decodeBase64 accepts only what encoding would have written: no line breaks
// within, no bits set in the padding.
func decodeBase64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, fmt.Errorf("%w: not base64 in its only form", ErrMalformed)
	}
	return b, nil
}
