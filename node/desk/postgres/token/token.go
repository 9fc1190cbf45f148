// Package token splits SQL as Postgres' clients write it into tokens: names, quoted names, texts ('…', E'…', $$…$$),
// numbers, parameters ($1) and signs. Comments are left out. It reads bytes from outside and never fails on a valid
// text; what it cannot read is an [*Error] with its place.
package token

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is what a token is.
type Kind int

// Kinds of tokens.
const (
	Name   Kind = iota // as written; compare with Is
	Quoted             // a name in double quotes; Text is without them
	String             // Text is what it stands for
	Number
	Param // Text is its number
	Sign
)

// Most is how many tokens a text may have.
const Most = 1 << 14

// Token is a word of SQL.
type Token struct {
	Kind Kind
	Text string
	At   int // the byte at which it begins
}

// Error says what cannot be read, and at which byte.
type Error struct {
	At      int
	Message string
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Is reports whether a token is one of the keywords or signs, which are given in capitals.
func (t Token) Is(words ...string) bool {
	return (t.Kind == Name || t.Kind == Sign) && slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, t.Text) })
}

// Named reports whether a token is a name, quoted or not.
func (t Token) Named() bool { return t.Kind == Name || t.Kind == Quoted }

// Lower is a name as Postgres knows it: a quoted one as it stands, another in lower case.
func (t Token) Lower() string {
	if t.Kind == Name {
		return strings.ToLower(t.Text)
	}
	return t.Text
}

// SQL is the token as SQL.
func (t Token) SQL() string {
	switch t.Kind {
	case Quoted:
		return `"` + strings.ReplaceAll(t.Text, `"`, `""`) + `"`
	case String:
		return "'" + strings.ReplaceAll(t.Text, "'", "''") + "'"
	case Param:
		return "$" + t.Text
	}
	return t.Text
}

// Join writes tokens as SQL.
func Join(list []Token) string {
	var b strings.Builder
	for i, t := range list {
		if i > 0 && spaced(list[i-1], t) {
			b.WriteByte(' ')
		}
		b.WriteString(t.SQL())
	}
	return b.String()
}

// spaced reports whether a space stands between two tokens.
func spaced(before, t Token) bool {
	if before.Is("(", ".", "::") || t.Is(")", ",", ".", ";", "::") {
		return false
	}
	return !t.Is("(") || before.Kind != Name || before.Is(
		"AND", "OR", "NOT", "IN", "AS", "FROM", "JOIN", "ON", "USING", "WHERE", "BY", "SELECT", "WHEN", "THEN", "ELSE", "HAVING", "VALUES", "UNION", "ALL", "DISTINCT", "LIKE", "BETWEEN")
}

// Statements splits tokens at their semicolons; empty statements are left out.
func Statements(list []Token) (out [][]Token) {
	from := 0
	for i := 0; i <= len(list); i++ {
		if i == len(list) || list[i].Is(";") {
			if i > from {
				out = append(out, list[from:i])
			}
			from = i + 1
		}
	}
	return out
}

// Split splits tokens at a sign or word that stands within no parentheses.
func Split(list []Token, at string) (out [][]Token) {
	depth, from := 0, 0
	for i, t := range list {
		depth += Depth(t)
		if depth == 0 && t.Is(at) {
			out = append(out, list[from:i])
			from = i + 1
		}
	}
	return append(out, list[from:])
}

// Depth is what a token does to the number of parentheses that are open.
func Depth(t Token) int {
	switch {
	case t.Is("(", "["):
		return 1
	case t.Is(")", "]"):
		return -1
	}
	return 0
}

// Closing is the index of the parenthesis that closes the one at from; -1: none does.
func Closing(list []Token, from int) int {
	depth := 0
	for i := from; i < len(list); i++ {
		if depth += Depth(list[i]); depth == 0 {
			return i
		}
	}
	return -1
}

// Scan reads a text.
func Scan(sql string) ([]Token, error) {
	s := &scanner{sql: sql}
	if !utf8.ValidString(sql) {
		return nil, &Error{0, "the text is not valid UTF-8"}
	}
	for s.at < len(sql) {
		if err := s.next(); err != nil {
			return nil, err
		}
		if len(s.out) > Most {
			return nil, &Error{s.at, fmt.Sprintf("the text has more than %d words", Most)}
		}
	}
	return s.out, nil
}

type scanner struct {
	sql string
	at  int
	out []Token
}

func (s *scanner) emit(kind Kind, text string, length int) {
	s.out = append(s.out, Token{kind, text, s.at})
	s.at += length
}

// signs of more than one character; longer ones first.
var signs = []string{"!~~*", "!~~", "!~*", "~~*", "::", "<>", "<=", ">=", "!=", "||", "!~", "~*", "~~", "->>", "->", "@>", "<@", "&&"}

func (s *scanner) next() error {
	rest := s.sql[s.at:]
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case unicode.IsSpace(r) || r == 0xFEFF:
		s.at += size
	case strings.HasPrefix(rest, "--"):
		end := strings.IndexByte(rest, '\n')
		if end < 0 {
			end = len(rest)
		}
		s.at += end
	case strings.HasPrefix(rest, "/*"):
		return s.comment()
	case r == '\'':
		return s.text(rest, 0, false)
	case (r == 'E' || r == 'e') && strings.HasPrefix(rest[1:], "'"):
		return s.text(rest, 1, true)
	case r == '"':
		return s.quoted(rest)
	case r == '$':
		return s.dollar(rest)
	case r == '_' || unicode.IsLetter(r):
		end := span(rest, func(r rune) bool {
			return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r)
		})
		s.emit(Name, rest[:end], end)
	case r >= '0' && r <= '9' || r == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		end := number(rest)
		s.emit(Number, rest[:end], end)
	default:
		for _, sign := range signs {
			if strings.HasPrefix(rest, sign) {
				s.emit(Sign, sign, len(sign))
				return nil
			}
		}
		s.emit(Sign, rest[:size], size)
	}
	return nil
}

func (s *scanner) comment() error {
	depth := 0
	for i := s.at; i+1 < len(s.sql); i++ {
		switch s.sql[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			s.at = i + 1
			return nil
		}
	}
	return &Error{s.at, "a comment that begins with /* is not closed"}
}

// text reads '…' from the byte skip of rest on.
func (s *scanner) text(rest string, skip int, escapes bool) error {
	var b strings.Builder
	for i := skip + 1; i < len(rest); i++ {
		switch {
		case rest[i] == '\'' && i+1 < len(rest) && rest[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case rest[i] == '\'':
			s.emit(String, b.String(), i+1)
			return nil
		case escapes && rest[i] == '\\' && i+1 < len(rest):
			i++
			switch rest[i] {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'r':
				b.WriteByte('\r')
			default:
				b.WriteByte(rest[i])
			}
		default:
			b.WriteByte(rest[i])
		}
	}
	return &Error{s.at, "a text that begins with ' is not closed"}
}

func (s *scanner) quoted(rest string) error {
	for i := 1; i < len(rest); i++ {
		if rest[i] != '"' {
			continue
		}
		if i+1 < len(rest) && rest[i+1] == '"' {
			i++
			continue
		}
		s.emit(Quoted, strings.ReplaceAll(rest[1:i], `""`, `"`), i+1)
		return nil
	}
	return &Error{s.at, `a name that begins with " is not closed`}
}

// dollar reads a parameter, or a text between $tag$ and $tag$.
func (s *scanner) dollar(rest string) error {
	if end := 1 + span(rest[1:], func(r rune) bool { return r >= '0' && r <= '9' }); end > 1 {
		s.emit(Param, rest[1:end], end)
		return nil
	}
	end := strings.IndexByte(rest[1:], '$')
	tag := ""
	if end >= 0 {
		tag = rest[:end+2]
	}
	if tag == "" || strings.ContainsFunc(tag[1:len(tag)-1], func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		s.emit(Sign, "$", 1)
		return nil
	}
	length := strings.Index(rest[len(tag):], tag)
	if length < 0 {
		return &Error{s.at, "a text that begins with " + tag + " is not closed"}
	}
	s.emit(String, rest[len(tag):len(tag)+length], length+2*len(tag))
	return nil
}

func number(rest string) int {
	digits := func(from int) int {
		return from + span(rest[from:], func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })
	}
	end := digits(0)
	if end < len(rest) && (rest[end] == 'e' || rest[end] == 'E') {
		exponent := end + 1
		if exponent < len(rest) && (rest[exponent] == '-' || rest[exponent] == '+') {
			exponent++
		}
		if to := digits(exponent); to > exponent {
			end = to
		}
	}
	return end
}

func span(s string, part func(rune) bool) int {
	if end := strings.IndexFunc(s, func(r rune) bool { return !part(r) }); end >= 0 {
		return end
	}
	return len(s)
}
