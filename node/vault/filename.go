package vault

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

const (
	fileSuffix  = ".sealed"
	tempPrefix  = ".tmp-"
	maxFileName = 240 // below the 255 bytes that common file systems take
)

// ErrName is returned when a secret's name is empty, too long, or has other
// characters than printable ASCII without blanks.
var ErrName = errors.New("invalid secret name")

// fileName maps a secret's name to that of its file, one to one: lower-case
// letters, digits and hyphens stay, anything else becomes _ and two hex digits.
// Thus no name leaves the directory, none begins with a dot, and no two meet on
// a file system that ignores case.
func fileName(name string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("%w: empty", ErrName)
	}
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-':
			b.WriteByte(c)
		case c > ' ' && c < 0x7f:
			fmt.Fprintf(&b, "_%02x", c)
		default:
			return "", fmt.Errorf("%w: %q has a character that is not printable ASCII", ErrName, name)
		}
	}
	b.WriteString(fileSuffix)
	if b.Len() > maxFileName {
		return "", fmt.Errorf("%w: %q gives a file name of %d bytes, the limit is %d", ErrName, name, b.Len(), maxFileName)
	}
	return b.String(), nil
}

// secretName is the inverse of fileName. A file that fileName cannot have named
// is not one of the vault's.
func secretName(file string) (string, bool) {
	escaped, ok := strings.CutSuffix(file, fileSuffix)
	if !ok {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		c := escaped[i]
		if c == '_' {
			if i+2 >= len(escaped) {
				return "", false
			}
			digits, err := hex.DecodeString(escaped[i+1 : i+3])
			if err != nil {
				return "", false
			}
			c = digits[0]
			i += 2
		}
		b.WriteByte(c)
	}
	// Only the canonical spelling counts, or one secret had two files.
	if back, err := fileName(b.String()); err != nil || back != file {
		return "", false
	}
	return b.String(), true
}
