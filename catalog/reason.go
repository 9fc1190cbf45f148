package catalog

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/weirdata/weir/catalog/shown"
)

// Reason is why something was refused, has failed or would pass: a code and what it is
// about. It is recorded and digested, so it holds no sentence: package explain has the
// words, and two nodes that word it differently stay one cluster.
type Reason struct {
	Code string `json:"code"` // e.g. "order.state"; stands for one sentence, for good
	// Args are names, ids, values as somebody typed them, and numbers. A list is one of
	// them, as ListArg writes it.
	Args []string `json:"args,omitempty"`
	// Parts are reasons that the sentence goes on with: what the nodes said, say.
	Parts []Reason `json:"parts,omitempty"`
}

// Bounds of a reason. What is longer is cut: a reason must never be in the way of what
// it is the reason for.
const (
	maxReasonArgs  = 12
	maxReasonParts = 2
	maxReasonDepth = 4
	maxListed      = 8  // names of a list
	maxListedText  = 80 // characters of each
)

// Why makes a reason of a code and its arguments: text, numbers, truth values, digests
// and lists of texts.
func Why(code string, args ...any) Reason {
	r := Reason{Code: code}
	for _, a := range args {
		r.Args = append(r.Args, reasonArg(a))
	}
	return r
}

// With returns the reason with parts behind those that it has.
func (r Reason) With(parts ...Reason) Reason {
	r.Parts = append(r.Parts[:len(r.Parts):len(r.Parts)], parts...)
	return r
}

// IsZero reports whether there is no reason.
func (r Reason) IsZero() bool { return r.Code == "" }

// String is for logs and tests: the code and what it is about.
func (r Reason) String() string {
	text := r.Code
	if len(r.Args) > 0 {
		text += "(" + strings.Join(r.Args, ", ") + ")"
	}
	for _, p := range r.Parts {
		text += ": " + p.String()
	}
	return text
}

// reasonArg writes an argument. Errors and whatever else has words of its own are not for
// reasons (TestNoReasonHasAnErrorsWords).
func reasonArg(a any) string {
	switch a := a.(type) {
	case []string:
		return ListArg(a)
	case Column:
		return string(Encode(a))
	}
	return argText(fmt.Sprint(a))
}

// argText is text as an argument may have it: of at most MaxText bytes, without hidden
// characters.
func argText(s string) string {
	s = strings.Map(func(c rune) rune {
		if shown.Hidden(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= MaxText {
		return s
	}
	s = s[:MaxText]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

// ListArg writes a list of names as one argument: a JSON array of the first ones and,
// where there are more, how many.
func ListArg(list []string) string {
	out := make([]any, 0, maxListed+1)
	for i, s := range list {
		if i == maxListed {
			out = append(out, len(list)-maxListed)
			break
		}
		text := []rune(argText(s))
		out = append(out, string(text[:min(len(text), maxListedText)]))
	}
	return string(Encode(out))
}

// ParseListArg reads what ListArg writes: the names, and how many there are more.
func ParseListArg(arg string) (list []string, more int, ok bool) {
	var all []json.RawMessage
	if json.Unmarshal([]byte(arg), &all) != nil {
		return nil, 0, false
	}
	for i, raw := range all {
		var name string
		switch {
		case json.Unmarshal(raw, &name) == nil:
			list = append(list, name)
		case i == len(all)-1 && json.Unmarshal(raw, &more) == nil:
		default:
			return nil, 0, false
		}
	}
	return list, more, true
}

// Clean returns a reason that somebody else made, fit to be stored: a node that reports
// must not be held up by how it does. What has no code gets "reason.none".
func (r Reason) Clean() Reason { return r.clean(1) }

func (r Reason) clean(depth int) Reason {
	if !isCode(r.Code) {
		return Why("reason.missing")
	}
	out := Reason{Code: r.Code}
	for _, a := range r.Args[:min(len(r.Args), maxReasonArgs)] {
		out.Args = append(out.Args, argText(a))
	}
	if depth < maxReasonDepth {
		for _, p := range r.Parts[:min(len(r.Parts), maxReasonParts)] {
			out.Parts = append(out.Parts, p.clean(depth+1))
		}
	}
	return out
}

// isCode reports whether s has the form of a code: small letters, digits and _, with
// points between them.
func isCode(s string) bool { return len(s) <= MaxName && codeForm.MatchString(s) }

var codeForm = regexp.MustCompile(`^[a-z0-9_.]+$`)
