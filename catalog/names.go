package catalog

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/weirdata/weir/catalog/shown"
)

// IsName reports whether s is a name of DATA_MODEL.md section 1.2: [a-z][a-z0-9_]*.
func IsName(s string) bool { return len(s) <= MaxName && nameForm.MatchString(s) }

// IsLabel reports whether s may name a node or a key: [a-z0-9][a-z0-9._-]*.
func IsLabel(s string) bool { return len(s) <= MaxName && labelForm.MatchString(s) }

var (
	nameForm  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	labelForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
)

// IsText reports whether s is text of at most so many bytes in one line, without hidden
// characters: a person who reads it sees all of it, in its order.
func IsText(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, shown.Hidden)
}

// IsCell reports whether s may stand in a registry: printable text of at most
// MaxCell bytes. Ids must also not be empty, nor begin or end with a blank.
func IsCell(s string) bool { return IsText(s, MaxCell) }

// CheckNames refuses names of the wrong form, by a code whose arguments are the name and
// args, and names that occur twice.
func CheckNames(field string, list []string, allowed func(string) bool, code string, args ...any) *Refusal {
	seen := make(map[string]bool, len(list))
	for i, s := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		if !allowed(s) {
			return Invalid(at, code, append([]any{s}, args...)...)
		}
		if seen[s] {
			return Invalid(at, "names.twice", s)
		}
		seen[s] = true
	}
	return nil
}

// An id is a letter that says what it names, a hyphen, and the full SHA-256 of the
// envelope that made the thing, in lower-case hexadecimal; that of a principal is of
// its signing key. So whatever names an id binds all that was signed to make it. The
// state is keyed by it, and an id that there is, or was, is never given a second time.
// People see and type its beginning: IDDigits of its digits at least.

// Letters of ids.
const (
	LetterOrder     = "o-"
	LetterContract  = "c-"
	LetterQuery     = "q-"
	LetterVector    = "v-"
	LetterPrincipal = "p-"
	LetterKey       = "k-"
)

// IDDigits is how many digits of an id people have to type at least.
const IDDigits = 8

const idDigits = 2 * len(Digest{})

// MakeID is the id, with that letter, of what an envelope of that digest makes.
func MakeID(letter string, d Digest) string { return letter + hex.EncodeToString(d[:]) }

// OrderID is the id of the order that an envelope makes.
func OrderID(envelope Digest) string { return MakeID(LetterOrder, envelope) }

// QueryID is the id of the query that an envelope makes.
func QueryID(envelope Digest) string { return MakeID(LetterQuery, envelope) }

// VectorID is the id of the vector that an envelope registers.
func VectorID(envelope Digest) string { return MakeID(LetterVector, envelope) }

// PrincipalID is the id of the principal with that Ed25519 public key.
func PrincipalID(public []byte) string { return MakeID(LetterPrincipal, Sum(public)) }

// KeyID is the id under which the nodes start a publisher's key.
func KeyID(publisher string) string {
	return LetterKey + strings.TrimPrefix(publisher, LetterPrincipal)
}

// OwnContractID is the id of the contract under which a publisher queries its
// own dataset. No envelope makes it, and none can: it has other digits.
func OwnContractID(dataset string) string { return LetterContract + "own-" + dataset }

// IsID reports whether s is a whole id of that letter.
func IsID(letter, s string) bool {
	digits, ok := strings.CutPrefix(s, letter)
	return ok && isHex(digits, idDigits)
}

// IsIDBeginning reports whether s begins an id of that letter, with as many digits as
// people have to type and not all of them.
func IsIDBeginning(letter, s string) bool {
	digits, ok := strings.CutPrefix(s, letter)
	return ok && len(digits) >= IDDigits && len(digits) < idDigits && isHex(digits, len(digits))
}
