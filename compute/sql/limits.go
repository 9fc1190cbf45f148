package sql

import (
	"fmt"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// Limits of a query's parts. Anybody may have a query compiled, so what the parser and the
// compiler do for one is bounded by what a person or a program can mean by it: MaxItems is
// every measure that a dataset may have (catalog.MaxColumns) under eight functions.
const (
	MaxTokens  = 16 << 10 // words, numbers, texts and signs: an IN of eight thousand values
	MaxItems   = 512      // elements of SELECT, of GROUP BY and of ORDER BY each
	MaxColumns = 2048     // columns of a result: a histogram is one for every bucket
	MaxTests   = 1024     // comparisons that AND and OR join
)

// listClauses are the clauses whose elements MaxItems bounds.
var listClauses = map[string]string{"SELECT": "SELECT", "GROUP": "GROUP BY", "ORDER": "ORDER BY"}

// oversized refuses a text of more than MaxTokens, or whose lists are longer than MaxItems,
// or whose conditions join more than MaxTests comparisons. It reads tokens, before anything is built of them.
func oversized(list []lexer.Token) *Error {
	clause, items, joined, depth := "", 0, 0, 0
	for _, t := range list {
		switch {
		case t.Type == tokenPunct && t.Value == "(":
			depth++
		case t.Type == tokenPunct && t.Value == ")":
			depth--
		case t.Type == tokenPunct && t.Value == "," && depth == 0:
			if items++; items > MaxItems && clause != "" {
				return faultAt(t.Pos, t.Value, "%s lists more than %d elements", clause, MaxItems).
					want(fmt.Sprintf("at most %d elements, and further ones in another query", MaxItems))
			}
		case t.Type == tokenKeyword && (t.Value == "AND" || t.Value == "OR"):
			if joined++; joined >= MaxTests {
				return faultAt(t.Pos, t.Value, "the condition is too large: it joins more than %d comparisons", MaxTests).
					want(fmt.Sprintf("at most %d comparisons", MaxTests), "IN with a list of values")
			}
		case t.Type == tokenKeyword && depth == 0 && strings.Contains(" SELECT FROM WHERE GROUP HAVING ORDER LIMIT ", " "+t.Value+" "):
			clause, items = listClauses[t.Value], 1
		}
	}
	if len(list) <= MaxTokens+1 { // EOF is one
		return nil
	}
	return faultAt(list[MaxTokens].Pos, "", "the query has more than %d words, values and signs", MaxTokens).
		want(fmt.Sprintf("at most %d, and further values in another query", MaxTokens))
}
