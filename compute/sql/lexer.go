package sql

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/weirdata/weir/compute/suggest"
)

// Limits of a query's text. The parser recurses on parentheses and NOT, so the
// nesting is bounded before it starts.
const (
	MaxSQL     = 64 << 10 // bytes: what the ledger takes, a list of some three thousand entity ids
	MaxNesting = 64       // parentheses and NOTs open at a time
)

// byteOrderMark begins files of some editors.
const byteOrderMark = '\ufeff'

// Token types of the grammar. Keyword tokens carry the keyword in upper case,
// all others their text as written, quotes included, so that no string can be
// taken for a keyword or an operator.
const (
	tokenKeyword lexer.TokenType = iota + 1
	tokenName
	tokenQuoted
	tokenString
	tokenNumber
	tokenPunct
)

// keywords are reserved: as names they are written in double quotes. Those
// behind ASC and DESC are, but for HAVING, LIKE and those of CASE, reserved for what is not answered yet, or never will be.
var keywords = []string{"SELECT", "FROM", "WHERE", "GROUP", "BY", "ORDER", "LIMIT", "AND", "OR", "NOT", "IN",
	"BETWEEN", "AS", "ASC", "DESC", "HAVING", "JOIN", "USING", "DISTINCT", "UNION", "LIKE", "IS", "NULL", "OFFSET",
	"CASE", "WHEN", "THEN", "ELSE", "END"}

func isKeyword(word string) bool { return slices.Contains(keywords, strings.ToUpper(word)) }

// definition tells participle the token types; the tokens come from scan.
type definition struct{}

var errScanned = errors.New("tokens come from scan")

// Lex implements lexer.Definition. It is never used: scan makes the tokens.
func (definition) Lex(string, io.Reader) (lexer.Lexer, error) { return nil, errScanned }

// Symbols implements lexer.Definition.
func (definition) Symbols() map[string]lexer.TokenType {
	return map[string]lexer.TokenType{
		"EOF": lexer.EOF, "Keyword": tokenKeyword, "Name": tokenName, "Quoted": tokenQuoted,
		"String": tokenString, "Number": tokenNumber, "Punct": tokenPunct,
	}
}

// tokens is a scanned query as a lexer.Lexer, ending with an EOF token.
type tokens struct {
	list []lexer.Token
	next int
}

// Next implements lexer.Lexer.
func (t *tokens) Next() (lexer.Token, error) {
	tok := t.list[min(t.next, len(t.list)-1)]
	t.next++
	return tok, nil
}

// scanner cuts a query into tokens. Columns count characters from 1.
type scanner struct {
	sql    string
	offset int
	line   int
	column int
	out    []lexer.Token
}

// scan cuts sql into tokens, ending with EOF, or says where it cannot. Of a text that has
// more than MaxTokens it returns one more than that and EOF: parse refuses them.
func scan(sql string) ([]lexer.Token, *Error) {
	if len(sql) > MaxSQL {
		return nil, &Error{Line: 1, Column: 1, Message: "the query is too long",
			Want: fmt.Sprintf("at most %d bytes", MaxSQL)}
	}
	s := &scanner{sql: sql, line: 1, column: 1}
	for s.offset < len(s.sql) && len(s.out) <= MaxTokens {
		if err := s.token(); err != nil {
			return nil, err
		}
	}
	s.out = append(s.out, lexer.EOFToken(s.position()))
	return s.out, nil
}

func (s *scanner) position() lexer.Position {
	return lexer.Position{Offset: s.offset, Line: s.line, Column: s.column}
}

// advance moves over n bytes.
func (s *scanner) advance(n int) {
	for _, r := range s.sql[s.offset : s.offset+n] {
		if r == '\n' {
			s.line, s.column = s.line+1, 1
			continue
		}
		s.column++
	}
	s.offset += n
}

// emit makes the next n bytes a token.
func (s *scanner) emit(kind lexer.TokenType, n int) {
	value := s.sql[s.offset : s.offset+n]
	if kind == tokenName && isKeyword(value) {
		kind, value = tokenKeyword, strings.ToUpper(value)
	}
	s.out = append(s.out, lexer.Token{Type: kind, Value: value, Pos: s.position()})
	s.advance(n)
}

func (s *scanner) fault(near, message, want string) *Error {
	return &Error{Line: s.line, Column: s.column, Near: near, Message: message, Want: want}
}

// token scans one token, a run of white space or a comment.
func (s *scanner) token() *Error {
	rest := s.sql[s.offset:]
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case r == utf8.RuneError && size <= 1:
		return s.fault("", "the query is not valid UTF-8 here", "text in UTF-8")
	case unicode.IsSpace(r), r == byteOrderMark && s.offset == 0:
		s.advance(size)
	case strings.HasPrefix(rest, "--"):
		end := strings.IndexByte(rest, '\n')
		if end < 0 {
			end = len(rest)
		}
		if !utf8.ValidString(rest[:end]) {
			return s.fault("--", "the comment is not valid UTF-8", "text in UTF-8")
		}
		s.advance(end)
	case strings.HasPrefix(rest, "/*"):
		length := strings.Index(rest[2:], "*/")
		if length < 0 {
			return s.fault("/*", "the comment that begins here is not closed", "a closing */")
		}
		if length += len("/**/"); !utf8.ValidString(rest[:length]) {
			return s.fault("/*", "the comment is not valid UTF-8", "text in UTF-8")
		}
		s.advance(length)
	case r == '\'' || r == '"':
		return s.quoted(byte(r))
	case isNameStart(r):
		s.emit(tokenName, span(rest, isNamePart))
	case isDigit(r):
		s.emit(tokenNumber, span(rest, func(r rune) bool { return isDigit(r) || r == '.' }))
	default:
		return s.punctuation(rest, size)
	}
	return nil
}

// quoted scans a string or a quoted name; a doubled quote stands for one.
func (s *scanner) quoted(quote byte) *Error {
	rest := s.sql[s.offset:]
	kind, what := tokenString, "string"
	if quote == '"' {
		kind, what = tokenQuoted, "quoted name"
	}
	for i := 1; i < len(rest); i++ {
		if rest[i] != quote {
			continue
		}
		if i+1 < len(rest) && rest[i+1] == quote {
			i++
			continue
		}
		if !utf8.ValidString(rest[:i]) {
			return s.fault("", "the "+what+" is not valid UTF-8", "text in UTF-8")
		}
		if kind == tokenQuoted && i == 1 {
			return s.fault(`""`, "a name cannot be empty", "a name between the quotes")
		}
		s.emit(kind, i+1)
		return nil
	}
	return s.fault(string(quote), "the "+what+" that begins here is not closed", "a closing "+string(quote))
}

func (s *scanner) punctuation(rest string, size int) *Error {
	for _, op := range []string{"<>", "<=", ">=", "!=", "==", "||"} {
		if strings.HasPrefix(rest, op) {
			s.emit(tokenPunct, len(op))
			return nil
		}
	}
	if strings.ContainsRune("(),;.*=<>+-/%", rune(rest[0])) {
		s.emit(tokenPunct, 1)
		return nil
	}
	r, _ := utf8.DecodeRuneInString(rest)
	fault := s.fault(rest[:size], signWords(r)+" has no meaning here", "names, numbers, 'text', \"quoted names\" and the signs ( ) , * = <> < <= > >=")
	fault.Nearest = suggest.Lookalike(r)
	return fault
}

func span(s string, part func(rune) bool) int {
	if end := strings.IndexFunc(s, func(r rune) bool { return !part(r) }); end >= 0 {
		return end
	}
	return len(s)
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isNameStart(r rune) bool { return r == '_' || unicode.IsLetter(r) }

func isNamePart(r rune) bool {
	return isNameStart(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r)
}

// unquote takes off the quotes of a string or quoted name.
func unquote(s string) string {
	q := s[:1]
	return strings.ReplaceAll(s[1:len(s)-1], q+q, q)
}

// signWords name a character for a message: one that cannot be seen by its number.
func signWords(r rune) string {
	if unicode.IsGraphic(r) {
		return "the character " + string(r)
	}
	return fmt.Sprintf("the invisible character U+%04X", r)
}
